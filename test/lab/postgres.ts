import { until } from './command.ts';
import type { Host } from './host.ts';

/* What tests of databases on hosts share: statements, and somebody who keeps writing and remembers what was acknowledged. */

const ACKNOWLEDGED = '/var/lib/tm-writer/acknowledged';
const WRITER = '/var/lib/tm-writer/write';

/** Asks the server on the host's socket as its own user; gives what psql prints. */
export async function ask(host: Host, statement: string): Promise<string> {
  const psql = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-c', statement];
  return (await host.execOk(['runuser', '-u', 'postgres', '--', ...psql])).trim();
}

export interface Writer {
  /** Numbers whose insertion the database has acknowledged. */
  acknowledged(): number[];
  /** Waits for so many more. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Inserts 1, 2, 3, ... into the table `marks`, each in a transaction of its own, wherever writes are taken. */
export async function startWriter(host: Host, connection: string): Promise<Writer> {
  host.write(ACKNOWLEDGED, '');
  host.write(
    WRITER,
    `#!/bin/sh
export HOME=/var/lib/postgresql PGCONNECT_TIMEOUT=2
n=0
while :; do
  n=$((n + 1))
  psql "${connection} target_session_attrs=read-write" -X -q -c "insert into marks values ($n)" 2>/dev/null && echo $n >> ${ACKNOWLEDGED}
done
`,
    0o755,
  );
  await host.execOk(['chown', '-R', 'postgres', '/var/lib/tm-writer']);
  await host.execOk(['systemd-run', '-q', '--unit=tm-writer', '-p', 'User=postgres', WRITER]);
  const acknowledged = () => host.read(ACKNOWLEDGED).split('\n').filter(Boolean).map(Number);
  const more = async (count: number) => {
    const wanted = acknowledged().length + count;
    await until(`${count} more writes are acknowledged`, () => acknowledged().length >= wanted);
  };
  return {
    acknowledged,
    more,
    async stop() {
      await host.execOk(['systemctl', 'stop', 'tm-writer']);
    },
  };
}

/** Of the acknowledged ones, those that the server on this host does not have. */
export async function lostWrites(host: Host, acknowledged: readonly number[]): Promise<number[]> {
  const there = new Set((await ask(host, 'select n from marks')).split('\n').map(Number));
  return acknowledged.filter(n => !there.has(n));
}
