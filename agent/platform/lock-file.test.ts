import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '@tidemark/shared/base/assert.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHolder, takeLock } from './lock-file.ts';
import { ageMs, identify, isAlive, killGroup } from './process.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-lock-'));
  file = join(directory, 'agent.lock');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a lock', () => {
  it('is taken once, and again when it was released', () => {
    const first = takeLock(file);
    expect(first.ok).toBe(true);
    expect(takeLock(file)).toMatchObject({ ok: false, error: { pid: process.pid } });
    if (first.ok) first.value.release();
    expect(takeLock(file).ok).toBe(true);
    expect(readdirSync(directory)).toEqual(['agent.lock']);
  });

  it.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, startTicks: 1 }],
    ['of a process whose pid another one has now', { pid: process.pid, startTicks: 1 }],
    ['of another boot', { ...present(identify(process.pid), 'self'), bootId: 'another' }],
  ])('%s is none', (_what, holder) => {
    writeFileSync(file, JSON.stringify({ bootId: 'x', ...holder }));
    expect(takeLock(file).ok).toBe(true);
    expect(readHolder(file)).toEqual(identify(process.pid));
    expect(readdirSync(directory)).toEqual(['agent.lock']);
  });

  it('that was cut off while it was written is none', () => {
    writeFileSync(file, '{"pid":');
    expect(takeLock(file).ok).toBe(true);
  });
});

describe('a process', () => {
  it('is itself as long as it lives, and its whole group ends at once', async () => {
    const child = spawn('sh', ['-c', 'sleep 600 & sleep 600'], { detached: true, stdio: 'ignore' });
    const identity = present(identify(present(child.pid, 'pid')), 'identity');
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTicks: identity.startTicks + 1 })).toBe(false);
    expect(ageMs(identity)).toBeGreaterThanOrEqual(0);
    const gone = new Promise(resolve => child.once('exit', resolve));
    expect(killGroup(identity, 'SIGKILL')).toBe(true);
    await gone;
    expect(isAlive(identity)).toBe(false);
    expect(killGroup(identity, 'SIGKILL')).toBe(false);
  });
});
