import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StepFixture, stepFixture } from '../testing/step-context.ts';
import type { StepContext } from './executor.ts';
import { snapshotCreate, snapshotDelete, snapshotPrune, snapshotRevert } from './snapshot.ts';

let root: string;
let fixture: StepFixture;
let context: StepContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-snapshot-'));
  fixture = stepFixture(root);
  context = fixture.context;
  mkdirSync(join(root, 'opt/shop'), { recursive: true });
  writeFileSync(join(root, 'opt/shop/config'), 'one', { mode: 0o640 });
});

afterEach(() => {
  fixture.close();
  rmSync(root, { recursive: true, force: true });
});

const create = (paths = ['/opt/shop'], name = 'night', expiresAt?: number) =>
  snapshotCreate({ method: 'copy', name, paths, ...(expiresAt === undefined ? {} : { expiresAt }) }, context);
const kept = (path: string) => join(context.stateDir, 'snapshots/copies/night', path);
const config = () => readFileSync(join(root, 'opt/shop/config'), 'utf8');
const at = (now: number): Clock => ({ ...context.clock, now: () => now });

describe('a snapshot', () => {
  it('is made of what is there, and says how much that is', async () => {
    const done = await create();
    expect(done.facts).toEqual({ name: 'night', method: 'copy', files: 1, bytes: 3 });
    expect(readFileSync(kept('0/config'), 'utf8')).toBe('one');
  });

  it('that is there stays as it is: a second attempt may come after the patch', async () => {
    await create();
    writeFileSync(join(root, 'opt/shop/config'), 'patched');
    expect((await create()).message).toContain('is there already');
    expect(readFileSync(kept('0/config'), 'utf8')).toBe('one');
  });

  it('of the place where snapshots lie is refused', async () => {
    context = { ...context, stateDir: join(root, 'var/agent') };
    await expect(create(['/'])).rejects.toThrow(/own snapshots/);
    await expect(create(['/var/agent'])).rejects.toThrow(/own snapshots/);
  });

  it('that was cut off is made anew', async () => {
    mkdirSync(join(context.stateDir, 'snapshots/copies/.night.partial-000000000000/0'), { recursive: true });
    mkdirSync(join(context.stateDir, 'snapshots/copies/night/0'), { recursive: true });
    await create();
    expect(readdirSync(join(context.stateDir, 'snapshots/copies'))).toEqual(['night']);
    expect(readFileSync(kept('0/config'), 'utf8')).toBe('one');
  });

  it('is written down before any of it is kept, so that what is cut off is taken away', async () => {
    // Neither can copies be made there nor what was begun be taken away.
    mkdirSync(join(context.stateDir, 'snapshots'));
    writeFileSync(join(context.stateDir, 'snapshots/copies'), '');
    await expect(create()).rejects.toThrow(/EEXIST/);
    expect(readdirSync(join(context.stateDir, 'snapshots/begun'))).toEqual(['night.json']);
    rmSync(join(context.stateDir, 'snapshots/copies'));
    expect((await snapshotPrune({}, context)).facts).toEqual({ deleted: ['night'] });
    expect(readdirSync(join(context.stateDir, 'snapshots/begun'))).toEqual([]);
  });

  it('that cannot be made leaves nothing to take away', async () => {
    context = { ...context, stateDir: join(root, 'var/agent') };
    await expect(create(['/var/agent'])).rejects.toThrow(/own snapshots/);
    expect(readdirSync(join(context.stateDir, 'snapshots/begun'))).toEqual([]);
  });

  it('is put back for the paths that are asked for, and for those alone', async () => {
    writeFileSync(join(root, 'opt/other'), 'first');
    await create(['/opt/shop', '/opt/other']);
    for (const path of ['opt/shop/config', 'opt/other']) writeFileSync(join(root, path), 'patched');
    const done = await snapshotRevert({ name: 'night', paths: ['/opt/shop'], whenWritten: 'ask' }, context);
    expect(done.facts).toMatchObject({ reverted: ['/opt/shop'], gone: [] });
    expect(config()).toBe('one');
    expect(readFileSync(join(root, 'opt/other'), 'utf8')).toBe('patched');
  });

  it('puts nothing back where it does not hold one of the paths, or is not there', async () => {
    await create();
    writeFileSync(join(root, 'opt/shop/config'), 'patched');
    const paths = ['/opt/shop', '/etc'];
    await expect(snapshotRevert({ name: 'night', paths, whenWritten: 'ask' }, context)).rejects.toThrow(
      /does not hold \/etc/,
    );
    await expect(snapshotRevert({ name: 'none', paths, whenWritten: 'ask' }, context)).rejects.toThrow(
      /there is no snapshot none/,
    );
    expect(config()).toBe('patched');
  });

  it('is deleted, and that it is gone is no error', async () => {
    await create();
    expect((await snapshotDelete({ name: 'night' }, context)).message).toContain('is deleted');
    expect((await snapshotDelete({ name: 'night' }, context)).message).toContain('there is no snapshot');
    expect(readdirSync(join(context.stateDir, 'snapshots/copies'))).toEqual([]);
  });

  it('is kept until its time is over, and for ever where it has none', async () => {
    context = { ...context, clock: at(0) };
    await create(['/opt/shop'], 'soon', 1_000);
    await create(['/opt/shop'], 'later', 2_001);
    await create(['/opt/shop'], 'for-ever');
    context = { ...context, clock: at(999) };
    expect((await snapshotPrune({}, context)).facts).toEqual({ deleted: [] });
    context = { ...context, clock: at(2_000) };
    expect((await snapshotPrune({}, context)).facts).toEqual({ deleted: ['soon'] });
    expect(readdirSync(join(context.stateDir, 'snapshots/copies')).sort()).toEqual(['for-ever', 'later']);
  });

  it.each(['night.json', 'records', 'copies'])('may be called %s beside one that is called night', async name => {
    await create();
    await create(['/opt/shop'], name);
    await snapshotDelete({ name }, context);
    writeFileSync(join(root, 'opt/shop/config'), 'patched');
    await snapshotRevert({ name: 'night', paths: ['/opt/shop'], whenWritten: 'ask' }, context);
    expect(config()).toBe('one');
  });
});

describe('a snapshot with a database in it', () => {
  const revert = (whenWritten: 'ask' | 'lose', paths = ['/opt/shop']) =>
    snapshotRevert({ name: 'night', paths, whenWritten }, context);

  it.each(['ibdata1', 'WiredTiger.wt', 'dump.rdb', 'member/wal/0.wal'])(
    'of which %s is a file is put back without a question only while it is as it was',
    async file => {
      const data = join(root, 'opt/shop/var/data', file);
      mkdirSync(join(data, '..'), { recursive: true });
      writeFileSync(data, 'before');
      await create(['/opt/shop', '/etc']);
      await revert('ask');
      writeFileSync(data, 'after');
      const later = new Date(context.clock.now() + 5_000);
      utimesSync(data, later, later);
      await expect(revert('ask')).rejects.toThrow(
        /nothing was put back: a database has written since .*opt\/shop\/var\/data/,
      );
      expect(readFileSync(data, 'utf8')).toBe('after');
      // What is elsewhere is not its concern.
      await revert('ask', ['/etc']);
      await revert('lose');
      expect(readFileSync(data, 'utf8')).toBe('before');
    },
  );

  it('of PostgreSQL that nobody can read asks', async () => {
    const control = join(root, 'opt/shop/pg/global/pg_control');
    mkdirSync(join(control, '..'), { recursive: true });
    writeFileSync(control, 'no control file');
    writeFileSync(join(root, 'opt/shop/pg/PG_VERSION'), '15\n');
    await create();
    const later = new Date(context.clock.now() + 5_000);
    utimesSync(control, later, later);
    await expect(revert('ask')).rejects.toMatchObject({ facts: { reason: 'database-has-written' } });
  });
});
