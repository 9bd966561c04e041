import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type LaunchedStep,
  type LauncherFixture,
  launcherConformance,
} from '@tidemark/agent/executor/launch.conformance.ts';
import { prepare } from '@tidemark/agent/executor/launch.ts';
import { identify } from '@tidemark/agent/platform/process.ts';
import { readResult, readStarted } from '@tidemark/agent/steps/directory.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { programOf } from '../support/built-programs.ts';

const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;

async function makeFixture(): Promise<LauncherFixture> {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-launch-'));
  const work = join(root, 'work');
  mkdirSync(work);
  mkdirSync(join(root, 'steps'));
  const drivers: ReturnType<typeof spawn>[] = [];

  const agent = [...NODE, programOf('agent')];
  const drive = (mode: string, directory: string, command = agent, ...more: string[]): LaunchedStep => {
    const program = programOf('launch-driver');
    const driver = spawn(NODE[0], [NODE[1], program, mode, directory, JSON.stringify(command), ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    drivers.push(driver);
    const gone = new Promise<void>(resolve => driver.once('exit', () => resolve()));
    let said = '';
    const over = new Promise<void>(resolve => {
      driver.stdout.on('data', (data: Buffer) => {
        said += data.toString();
        if (said.includes('over\n')) resolve();
      });
    });
    return {
      over,
      async killLauncher() {
        driver.kill('SIGKILL');
        await gone;
      },
      attach: async () => drive('attach', directory),
      result: async () => readResult(directory),
      async pid() {
        const started = readStarted(directory);
        return typeof started === 'object' && started ? started.process.pid : null;
      },
    };
  };

  const prepared = (call: Call, limits: { timeoutMs: number; graceMs: number }): Promise<string> => {
    const place = { root: '/', stateDir: root, factsDir: root };
    const input = { work: 'call' as const, call, attempt: null, ...place, ...limits };
    return prepare(join(root, 'steps'), randomBytes(4).toString('hex'), input);
  };

  return {
    launch: async (call, limits) => drive('session', await prepared(call, limits)),
    async launchBroken(program, beginMs) {
      const call: Call = { kind: 'snapshot/prune', args: {} };
      const directory = await prepared(call, { timeoutMs: 3_600_000, graceMs: 1_000 });
      return drive('session', directory, [program], String(beginMs));
    },
    program(name, ...lines) {
      const file = join(root, name);
      writeFileSync(file, ['#!/bin/sh', `export work="${work}"`, ...lines, ''].join('\n'));
      chmodSync(file, 0o755);
      return file;
    },
    read: file => (existsSync(join(work, file)) ? readFileSync(join(work, file), 'utf8') : ''),
    write: file => writeFileSync(join(work, file), ''),
    signal: async (pid, signal) => void process.kill(pid, `SIG${signal}`),
    isRunning: async pid => identify(pid) !== null,
    async close() {
      for (const driver of drivers) driver.kill('SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

launcherConformance('sessions of their own', makeFixture);
