import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandPlace } from '@tidemark/agent/platform/command.ts';
import { createScriptService } from '@tidemark/agent/platform/script-service.ts';
import { type ServiceFixture, serviceProviderConformance } from '@tidemark/agent/platform/service.conformance.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { describe, expect, it } from 'vitest';

/*
 * A daemon as scripts start it: in the background, with the script's output still open. Its start takes a moment to
 * show, so that only one who waits sees it up.
 */
const SCRIPT = `#!/bin/sh
here=$(dirname "$0")
running() { [ -e "$here/pid" ] && kill -0 "$(cat "$here/pid")" 2>/dev/null; }
case "$1" in
  start)
    echo start >> "$here/counts"
    [ -e "$here/break-start" ] && { echo "cannot bind"; exit 1; }
    (sleep 0.2; exec sleep 600) &
    (sleep 0.2; echo $! > "$here/pid") &
    echo started ;;
  stop)
    echo stop >> "$here/counts"
    [ -e "$here/ignore-stop" ] && exit 0
    kill "$(cat "$here/pid")" ;;
  status)
    [ -e "$here/break-status" ] && { echo "what?"; exit 4; }
    running && exit 0
    exit 3 ;;
esac
`;

interface ScriptFixture extends ServiceFixture {
  directory: string;
  output: Buffer[];
}

async function makeFixture(): Promise<ScriptFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-service-'));
  const script = join(directory, 'control');
  writeFileSync(script, SCRIPT);
  chmodSync(script, 0o755);
  const output: Buffer[] = [];
  const place: CommandPlace = {
    root: '/',
    directory,
    output: data => output.push(data),
    signal: new AbortController().signal,
  };
  const pid = () => (existsSync(join(directory, 'pid')) ? Number(readFileSync(join(directory, 'pid'), 'utf8')) : null);
  const flag = (name: string) => writeFileSync(join(directory, name), '');
  return {
    directory,
    output,
    provider: createScriptService(
      { provider: 'script', start: [script, 'start'], stop: [script, 'stop'], status: [script, 'status'] },
      place,
      systemClock,
    ),
    isRunning: () => isRunning(pid()),
    count: what =>
      existsSync(join(directory, 'counts'))
        ? readFileSync(join(directory, 'counts'), 'utf8')
            .split('\n')
            .filter(line => line === what).length
        : 0,
    breakStart: () => flag('break-start'),
    ignoreStop: () => flag('ignore-stop'),
    breakStatus: () => flag('break-status'),
    async close() {
      const left = pid();
      if (left !== null && isRunning(left)) process.kill(left, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

serviceProviderConformance('script', makeFixture);

describe('a start script whose daemon keeps the output open', () => {
  it('does not hold up the step, and its words are kept', async () => {
    const fixture = await makeFixture();
    try {
      await fixture.provider.start(5_000);
      expect(fixture.isRunning()).toBe(true);
      expect(Buffer.concat(fixture.output).toString()).toContain('started');
    } finally {
      await fixture.close();
    }
  });
});

describe('a program that is not there', () => {
  it('is named', async () => {
    const place: CommandPlace = {
      root: '/',
      directory: '/tmp',
      output: () => undefined,
      signal: new AbortController().signal,
    };
    const service = createScriptService(
      { provider: 'script', start: ['/no/such'], stop: ['/no/such'], status: ['/no/such', 'status'] },
      place,
      systemClock,
    );
    await expect(service.start(0)).rejects.toThrow('/no/such status cannot be started: there is no such program');
  });
});

function isRunning(pid: number | null): boolean {
  if (pid === null) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
