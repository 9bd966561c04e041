import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandPlace } from '@tidemark/agent/platform/command.ts';
import { type ServiceFixture, serviceProviderConformance } from '@tidemark/agent/platform/service.conformance.ts';
import { createWindowsService, readQuery } from '@tidemark/agent/platform/windows-service.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { describe, expect, it } from 'vitest';

/*
 * No Windows: a program in the place of sc.exe that prints what Microsoft documents of it, over one process. What the agent
 * makes of such output is tried here, and nothing of Windows itself.
 */

const QUERY = (state: number, word: string, pid: number, exitCode = 0) => `
SERVICE_NAME: orders
        TYPE               : 10  WIN32_OWN_PROCESS
        STATE              : ${state}  ${word}
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : ${exitCode}  (0x${exitCode.toString(16)})
        SERVICE_EXIT_CODE  : 0  (0x0)
        CHECKPOINT         : 0x0
        WAIT_HINT          : 0x0
        PID                : ${pid}
        FLAGS              :
`;

const SC = `#!/bin/sh
here="$(dirname "$0")/../../work"
running() { [ -e "$here/pid" ] && kill -0 "$(cat "$here/pid")" 2>/dev/null; }
case "$1" in
  queryex)
    [ -e "$here/break-status" ] && { echo "[SC] EnumQueryServicesStatus:OpenService FAILED 1060:"; exit 36; }
    if running; then cat "$here/running.txt"; else cat "$here/stopped.txt"; fi ;;
  start)
    echo start >> "$here/counts"
    [ -e "$here/break-start" ] && { echo "cannot bind"; exit 1; }
    sleep 600 & echo $! > "$here/pid" ;;
  stop)
    echo stop >> "$here/counts"
    [ -e "$here/ignore-stop" ] && exit 0
    kill "$(cat "$here/pid")" ;;
esac
`;

async function makeFixture(): Promise<ServiceFixture> {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-windows-'));
  const work = join(root, 'work');
  for (const each of [work, join(root, 'Windows/System32')]) mkdirSync(each, { recursive: true });
  writeFileSync(join(root, 'Windows/System32/sc.exe'), SC);
  chmodSync(join(root, 'Windows/System32/sc.exe'), 0o755);
  writeFileSync(join(work, 'running.txt'), QUERY(4, 'RUNNING', 1296));
  writeFileSync(join(work, 'stopped.txt'), QUERY(1, 'STOPPED', 0));
  const place: CommandPlace = { root, directory: work, output: () => undefined, signal: new AbortController().signal };
  const pid = () => (existsSync(join(work, 'pid')) ? Number(readFileSync(join(work, 'pid'), 'utf8')) : null);
  const flag = (name: string) => writeFileSync(join(work, name), '');
  const counts = () => (existsSync(join(work, 'counts')) ? readFileSync(join(work, 'counts'), 'utf8').split('\n') : []);
  const isRunning = () => {
    const found = pid();
    if (found === null) return false;
    try {
      process.kill(found, 0);
      return true;
    } catch {
      return false;
    }
  };
  return {
    provider: createWindowsService({ provider: 'windows', services: ['orders'] }, place, systemClock),
    isRunning: async () => {
      // Until somebody has collected it.
      for (
        let tries = 0;
        tries < 20 && isRunning() && counts().at(-2) === 'stop' && !existsSync(join(work, 'ignore-stop'));
        tries++
      )
        await new Promise(resolve => setTimeout(resolve, 100));
      return isRunning();
    },
    count: what => counts().filter(line => line === what).length,
    breakStart: () => flag('break-start'),
    ignoreStop: () => flag('ignore-stop'),
    breakStatus: () => flag('break-status'),
    async close() {
      const left = pid();
      if (left !== null && isRunning()) process.kill(left, 'SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

serviceProviderConformance('windows', makeFixture);

describe('what sc.exe says of a service', () => {
  it.each([
    [QUERY(4, 'RUNNING', 1296), { state: 4, pid: 1296, exitCode: 0 }],
    [QUERY(1, 'STOPPED', 0, 1077), { state: 1, pid: 0, exitCode: 1077 }],
    // In German the words are others, the numbers are not.
    [QUERY(4, 'LÄUFT', 8), { state: 4, pid: 8, exitCode: 0 }],
    ['[SC] EnumQueryServicesStatus:OpenService FEHLER 1060:', null],
    ['', null],
  ])('is read by its numbers', (text, expected) => {
    expect(readQuery(text)).toEqual(expected);
  });
});
