import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pause } from '../demo/processes.ts';

/* The story that a new user sees first, as a user starts it. */

const main = join(import.meta.dirname, '../demo/main.ts');
let base = '';
let child: ChildProcess | null = null;
let output = '';

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tm-demo-'));
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await ended(demo('--stop'));
  rmSync(base, { recursive: true, force: true });
});

it('runs to its end after the demo before it was killed in the middle of its run', async () => {
  const first = demo();
  await until(() => /service|stop |patch|stage/.test(output.split('The run')[1] ?? ''), first);
  first.kill('SIGKILL');
  await ended(first);
  expect(processesOfDemo().length).toBeGreaterThan(8);

  const second = demo();
  expect({ status: await ended(second), output }).toMatchObject({ status: 0 });
  expect(output).toMatch(/Ended \d+ processes of the demo before this one/);
  expect(output).toMatch(/orders: \d+ requests answered, 0 not; no outage/);
  expect(output).toMatch(/ledger: \d+ requests answered, [1-9]\d* not; outage \d/);
  expect(output).toContain('identical');
  for (const file of ['lib/db.mjs', 'bin/helper', 'share/terms.txt'])
    expect(output.split('Somebody changes')[1]).toContain(file);
  expect(processesOfDemo()).toEqual([]);
});

it('refuses an option that it does not know', async () => {
  const child = demo('--kepp');
  expect(await ended(child)).toBe(2);
  expect(output).toContain('"--kepp" is unknown');
});

function demo(...args: string[]): ChildProcess {
  output = '';
  const { NODE_ENV: _, VITEST: __, ...env } = process.env;
  child = spawn(process.execPath, [main, ...args], {
    env: { ...env, TIDEMARK_DEMO_DIR: base },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return child;
}

function ended(process: ChildProcess): Promise<number | null> {
  if (process.exitCode !== null || process.signalCode !== null) return Promise.resolve(process.exitCode);
  return new Promise(resolve => process.once('close', code => resolve(code)));
}

async function until(holds: () => boolean, process: ChildProcess): Promise<void> {
  while (!holds()) {
    if (process.exitCode !== null) throw new Error(`the demo ended too early:\n${output}`);
    await pause(20);
  }
}

/** Command lines of processes that work in the demo's directory, or were started with it in their environment. */
function processesOfDemo(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
    .map(name => {
      try {
        const read = (what: string) => readFileSync(`/proc/${name}/${what}`, 'utf8').replaceAll('\0', ' ');
        const command = read('cmdline');
        return command.includes(base) || read('environ').includes(base) ? command : '';
      } catch {
        return '';
      }
    })
    .filter(command => command !== '');
}
