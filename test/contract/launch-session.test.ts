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
import { programOf } from '../support/built-programs.ts';

const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;

async function makeFixture(): Promise<LauncherFixture> {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-launch-'));
  const work = join(root, 'work');
  mkdirSync(work);
  mkdirSync(join(root, 'steps'));
  const drivers: ReturnType<typeof spawn>[] = [];

  const drive = (mode: string, directory: string): LaunchedStep => {
    const driver = spawn(
      NODE[0],
      [NODE[1], programOf('launch-driver'), mode, directory, JSON.stringify([...NODE, programOf('agent')])],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
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

  return {
    async launch(call, limits) {
      const input = {
        work: 'call' as const,
        call,
        attempt: null,
        root: '/',
        stateDir: root,
        factsDir: root,
        ...limits,
      };
      return drive('session', await prepare(join(root, 'steps'), randomBytes(4).toString('hex'), input));
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
