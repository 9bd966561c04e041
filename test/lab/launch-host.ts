import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LaunchedStep, LauncherFixture } from '@tidemark/agent/executor/launch.conformance.ts';
import { readResult, readStarted } from '@tidemark/agent/steps/directory.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { build } from 'esbuild';
import { AGENT, AGENT_HOME, type StepCall } from './agent.ts';
import type { Host } from './host.ts';

const DRIVER = '/var/lib/tm-launch/driver.mjs';

async function buildDriver(host: Host): Promise<void> {
  if (host.exists(DRIVER)) return;
  const built = await build({
    entryPoints: [join(import.meta.dirname, '../support/launch-driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  host.write(DRIVER, built.outputFiles[0]?.text ?? '');
}

/** Units of their own on this host, launched by an executor that is another process there. `environment` is that one's. */
export async function launchOn(
  host: Host,
  environment: Readonly<Record<string, string>> = {},
): Promise<LauncherFixture> {
  await buildDriver(host);
  const root = `/var/lib/tm-launch/${randomBytes(4).toString('hex')}`;
  const work = `${root}/work`;
  host.write(`${work}/.there`, '');

  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const node = ['env', ...variables, `${AGENT_HOME}/bin/node`, DRIVER];
  const drive = async (mode: string, directory: string, agent = AGENT, ...more: string[]): Promise<LaunchedStep> => {
    const [program = '', ...rest] = host.command([...node, mode, directory, JSON.stringify([agent]), ...more]);
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

  const prepared = (call: StepCall | Call, limits: { timeoutMs: number; graceMs: number }): string => {
    const directory = `${root}/steps/${randomBytes(4).toString('hex')}`;
    const place = { root: '/', stateDir: root, factsDir: '/etc/tidemark/facts.d' };
    const input = { work: 'call', call, attempt: null, ...place, ...limits };
    host.write(`${directory}/call.json`, JSON.stringify(input), 0o600);
    return directory;
  };

  return {
    launch: (call, limits) => drive('unit', prepared(call, limits)),
    launchBroken(program, beginMs) {
      const call = { kind: 'snapshot/prune', args: {} };
      return drive('unit', prepared(call, { timeoutMs: 3_600_000, graceMs: 1_000 }), program, String(beginMs));
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
