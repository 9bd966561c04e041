import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type LaunchedStep,
  type LauncherFixture,
  launcherConformance,
} from '@tidemark/agent/executor/launch.conformance.ts';
import { readResult, readStarted } from '@tidemark/agent/steps/directory.ts';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGENT, AGENT_HOME } from './agent.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';

/* Steps in transient units of a real systemd, by the suite of all launchers. */

const DRIVER = '/var/lib/tm-launch/driver.mjs';
let lab: Lab;
let host: Host;

beforeAll(async () => {
  lab = await Lab.start({ names: ['unit01'] });
  host = lab.first;
  const built = await build({
    entryPoints: [join(import.meta.dirname, '../support/launch-driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  host.write(DRIVER, built.outputFiles[0]?.text ?? '');
});

afterAll(async () => {
  await lab?.down();
});

async function makeFixture(): Promise<LauncherFixture> {
  const root = `/var/lib/tm-launch/${randomBytes(4).toString('hex')}`;
  const work = `${root}/work`;
  host.write(`${work}/.there`, '');

  const drive = async (mode: string, directory: string): Promise<LaunchedStep> => {
    const [program = '', ...rest] = host.command([
      `${AGENT_HOME}/bin/node`,
      DRIVER,
      mode,
      directory,
      JSON.stringify([AGENT]),
    ]);
    const driver = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    const saying = (pattern: RegExp) =>
      new Promise<string>(resolve => {
        const look = () => {
          const [, found] = pattern.exec(said) ?? [];
          if (found !== undefined) resolve(found);
        };
        driver.stdout.on('data', look);
        look();
      });
    driver.stdout.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const pid = saying(/^pid (\d+)$/m);
    const over = saying(/^(over)$/m).then(() => undefined);
    await pid;
    return {
      over,
      killLauncher: async () => void (await host.execOk(['kill', '-9', await pid])),
      attach: () => drive('attach', directory),
      result: async () => readResult(host.path(directory)),
      async pid() {
        const started = readStarted(host.path(directory));
        return typeof started === 'object' && started ? started.process.pid : null;
      },
    };
  };

  return {
    launch(call, limits) {
      const directory = `${root}/steps/${randomBytes(4).toString('hex')}`;
      const input = {
        work: 'call',
        call,
        attempt: null,
        root: '/',
        stateDir: root,
        factsDir: '/etc/tidemark/facts.d',
        ...limits,
      };
      host.write(`${directory}/call.json`, JSON.stringify(input), 0o600);
      return drive('unit', directory);
    },
    program(name, ...lines) {
      host.write(`${root}/${name}`, ['#!/bin/sh', `export work="${work}"`, ...lines, ''].join('\n'), 0o755);
      return `${root}/${name}`;
    },
    read: file => (host.exists(`${work}/${file}`) ? host.read(`${work}/${file}`) : ''),
    write: file => host.write(`${work}/${file}`, ''),
    signal: async (pid, signal) => void (await host.execOk(['kill', `-${signal}`, String(pid)])),
    isRunning: async pid => (await host.exec(['kill', '-0', String(pid)])).code === 0,
    close: async () => undefined,
  };
}

launcherConformance('units of their own', makeFixture);

it('a step whose process breaks is not over before what it had started is', async () => {
  const fixture = await makeFixture();
  const program = fixture.program(
    'works',
    'setsid sh -c \'echo $$ > "$work/child"; while [ ! -e "$work/go" ]; do sleep 0.05; done\'',
  );
  const call = { kind: 'command/run' as const, args: { command: [program] as [string], expectStatus: [0] } };
  const step = await fixture.launch(call, { timeoutMs: 60_000, graceMs: 1_000 });
  await expect.poll(() => fixture.read('child'), { timeout: 20_000 }).not.toBe('');
  const child = Number(fixture.read('child'));
  await fixture.signal((await step.pid()) ?? 0, 'KILL');
  let over = false;
  void step.over.then(() => {
    over = true;
  });
  // Several looks of the launcher.
  await new Promise(resolve => setTimeout(resolve, 500));
  expect([over, await fixture.isRunning(child)]).toEqual([false, true]);
  fixture.write('go');
  await step.over;
  expect(await fixture.isRunning(child)).toBe(false);
});
