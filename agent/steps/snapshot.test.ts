import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepContext } from './executor.ts';
import { snapshotCreate, snapshotDelete } from './snapshot.ts';

let base: string;
let context: StepContext;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tidemark-snapshot-'));
  const root = join(base, 'root');
  const signal = new AbortController().signal;
  const output = () => undefined;
  context = {
    root,
    stateDir: join(base, 'state'),
    directory: base,
    clock: systemClock,
    signal,
    place: { root, output, signal, directory: base },
    resolve: path => join(root, path),
    output,
  };
  mkdirSync(join(root, 'opt/shop'), { recursive: true });
  writeFileSync(join(root, 'opt/shop/config'), 'one', { mode: 0o640 });
  symlinkSync('config', join(root, 'opt/shop/link'));
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

const create = (paths = ['/opt/shop'], name = 'night') => snapshotCreate({ method: 'copy', name, paths }, context);
const kept = (path: string) => join(base, 'state/snapshots/night', path);

describe('a snapshot', () => {
  it('holds files, modes and links as they were', async () => {
    chmodSync(join(base, 'root/opt/shop'), 0o750);
    const done = await create();
    expect(done.facts).toEqual({ name: 'night', files: 1, bytes: 3 });
    expect(readFileSync(kept('0/config'), 'utf8')).toBe('one');
    expect(statSync(kept('0/config')).mode & 0o777).toBe(0o640);
    expect(statSync(kept('0')).mode & 0o777).toBe(0o750);
    expect(readlinkSync(kept('0/link'))).toBe('config');
    expect(JSON.parse(readFileSync(kept('snapshot.json'), 'utf8'))).toMatchObject({
      paths: [{ path: '/opt/shop', there: true }],
      files: 1,
    });
  });

  it('that is there stays as it is: a second attempt may come after the patch', async () => {
    await create();
    writeFileSync(join(base, 'root/opt/shop/config'), 'patched');
    expect((await create()).message).toContain('is there already');
    expect(readFileSync(kept('0/config'), 'utf8')).toBe('one');
  });

  it('keeps that a path was not there', async () => {
    await create(['/opt/shop', '/etc/none']);
    expect(JSON.parse(readFileSync(kept('snapshot.json'), 'utf8'))).toMatchObject({
      paths: [{ there: true }, { path: '/etc/none', there: false }],
    });
  });

  it('of the place where snapshots lie is refused', async () => {
    context = { ...context, stateDir: join(base, 'root/var/agent') };
    await expect(create(['/'])).rejects.toThrow(/own snapshots/);
    await expect(create(['/var/agent'])).rejects.toThrow(/own snapshots/);
  });

  it('that was cut off is made anew', async () => {
    mkdirSync(join(base, 'state/snapshots/.night.partial-000000000000/0'), { recursive: true });
    await create();
    expect(readdirSync(join(base, 'state/snapshots'))).toEqual(['night']);
  });

  it('is deleted, and that it is gone is no error', async () => {
    await create();
    expect((await snapshotDelete({ name: 'night' }, context)).message).toContain('is deleted');
    expect((await snapshotDelete({ name: 'night' }, context)).message).toContain('there is no snapshot');
  });
});
