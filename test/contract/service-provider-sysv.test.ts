import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandPlace } from '@tidemark/agent/platform/command.ts';
import { type ServiceFixture, serviceProviderConformance } from '@tidemark/agent/platform/service.conformance.ts';
import { createSysvService } from '@tidemark/agent/platform/sysv-service.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/* A root directory with an init script, and with a `service` that calls scripts as Debian's does, below that root. */

const SERVICE = `#!/bin/sh
script="$(dirname "$0")/../../etc/init.d/$1"
[ -x "$script" ] || { echo "$1: unrecognized service" >&2; exit 1; }
exec "$script" "$2"
`;

/** LSB: a pid file is left behind where the daemon died, and then its status is 1. */
const SCRIPT = `#!/bin/sh
here="$(dirname "$0")/../../work"
running() { [ -e "$here/pid" ] && kill -0 "$(cat "$here/pid")" 2>/dev/null; }
case "$1" in
  start)
    echo start >> "$here/counts"
    [ -e "$here/break-start" ] && { echo "cannot bind"; exit 1; }
    sleep 600 & echo $! > "$here/pid" ;;
  stop)
    echo stop >> "$here/counts"
    [ -e "$here/ignore-stop" ] && exit 0
    kill "$(cat "$here/pid")"; rm "$here/pid" ;;
  reload) echo reload >> "$here/counts" ;;
  status)
    [ -e "$here/break-status" ] && { echo "what?"; exit 4; }
    running && exit 0
    [ -e "$here/pid" ] && exit 1
    exit 3 ;;
esac
`;

interface SysvFixture extends ServiceFixture {
  work: string;
  root: string;
  place: CommandPlace;
}

async function makeFixture(): Promise<SysvFixture> {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-sysv-'));
  const work = join(root, 'work');
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), 0o755);
  };
  put('usr/sbin/service', SERVICE);
  put('etc/init.d/orders', SCRIPT);
  mkdirSync(work);
  const place: CommandPlace = {
    root,
    directory: work,
    output: () => undefined,
    signal: new AbortController().signal,
  };
  const pid = () => (existsSync(join(work, 'pid')) ? Number(readFileSync(join(work, 'pid'), 'utf8')) : null);
  const flag = (name: string) => writeFileSync(join(work, name), '');
  const counts = () => (existsSync(join(work, 'counts')) ? readFileSync(join(work, 'counts'), 'utf8').split('\n') : []);
  return {
    root,
    work,
    place,
    provider: createSysvService({ provider: 'sysv', name: 'orders' }, place, systemClock),
    isRunning: () => isRunning(pid()),
    count: what => counts().filter(line => line === what).length,
    breakStart: () => flag('break-start'),
    ignoreStop: () => flag('ignore-stop'),
    breakStatus: () => flag('break-status'),
    async close() {
      const left = pid();
      if (left !== null && isRunning(left)) process.kill(left, 'SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

serviceProviderConformance('sysv', makeFixture);

describe('an init script', () => {
  let fixture: SysvFixture;
  beforeEach(async () => {
    fixture = await makeFixture();
  });
  afterEach(() => fixture.close());

  it('whose daemon has died counts as down, and can be started', async () => {
    await fixture.provider.start(5_000);
    process.kill(Number(readFileSync(join(fixture.work, 'pid'), 'utf8')), 'SIGKILL');
    // Until somebody has collected it, which on some machines takes a second.
    await expect.poll(() => fixture.isRunning(), { timeout: 20_000 }).toBe(false);
    expect(await fixture.provider.status()).toBe('down');
    expect(await fixture.provider.start(5_000)).toMatchObject({ changed: true });
  });

  it('is told to reload while it is up', async () => {
    await fixture.provider.start(5_000);
    expect(await fixture.provider.reload(5_000)).toMatchObject({ changed: true });
    expect(readFileSync(join(fixture.work, 'counts'), 'utf8')).toBe('start\nreload\n');
  });

  it('that is not there is named, before anything is run', () => {
    const make = () => createSysvService({ provider: 'sysv', name: 'nothing' }, fixture.place, systemClock);
    expect(make).toThrow('there is no init script /etc/init.d/nothing');
  });

  it('on a server without `service` says so', () => {
    rmSync(join(fixture.root, 'usr'), { recursive: true });
    const make = () => createSysvService({ provider: 'sysv', name: 'orders' }, fixture.place, systemClock);
    expect(make).toThrow('neither service nor rc-service is installed');
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
