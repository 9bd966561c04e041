import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endLeftovers } from '../demo/leftovers.ts';
import type { Places } from '../demo/places.ts';
import { openRegister, pause, startTimeOf } from '../demo/processes.ts';

let base = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tidemark-processes-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

/** A process that does nothing, and speaks of `words` in its command line. */
async function idle(...words: string[]): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', ...words], { stdio: 'ignore' });
  children.push(child);
  while (child.pid === undefined || startTimeOf(child.pid) === null) await pause(5);
  return child.pid;
}

const runs = (pid: number): boolean => startTimeOf(pid) !== null;

it('a register that is opened anew ends what one before it has recorded', async () => {
  const file = join(base, 'processes.json');
  const pid = await idle();
  openRegister(file).add('idle', pid);
  expect((await openRegister(file).endAll()).map(process => process.pid)).toEqual([pid]);
  expect(runs(pid)).toBe(false);
  expect(await openRegister(file).endAll()).toEqual([]);
});

it('a process that got a recorded pid later is left alone', async () => {
  const file = join(base, 'processes.json');
  const pid = await idle();
  openRegister(file).add('idle', pid);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as { startTime: string }[];
  writeFileSync(file, JSON.stringify(recorded.map(each => ({ ...each, startTime: '1' }))));
  expect(await openRegister(file).endAll()).toEqual([]);
  expect(runs(pid)).toBe(true);
});

it('a process that does not end by itself is killed', async () => {
  const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await new Promise(resolve => child.stdout?.once('data', resolve));
  const register = openRegister(join(base, 'processes.json'), { graceMs: 200 });
  register.add('stubborn', child.pid ?? 0);
  await register.endAll();
  expect(runs(child.pid ?? 0)).toBe(false);
});

it('a component that an agent started is ended by its pid file, if its command line is of this demo', async () => {
  const places = {
    base,
    controllerState: join(base, 'controller'),
    rootOf: (name: string) => join(base, 'servers', name, 'root'),
  };
  const root = places.rootOf('db01');
  mkdirSync(join(root, 'run'), { recursive: true });
  const own = await idle(`${root}/opt/orders-db/current/lib/main.mjs`);
  const foreign = await idle('/opt/orders-db/current/lib/main.mjs');
  writeFileSync(join(root, 'run/orders-db.pid'), `${own}\n`);
  writeFileSync(join(root, 'run/other.pid'), `${foreign}\n`);
  writeFileSync(join(root, 'run/broken.pid'), 'nonsense\n');
  expect((await endLeftovers(places as Places)).map(process => process.pid)).toEqual([own]);
  expect([runs(own), runs(foreign)]).toEqual([false, true]);
});
