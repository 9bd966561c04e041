import type { Host } from '../host.ts';
import { NETWORK_CIDR } from '../places.ts';
import { DATABASE_UNIT, PAIR_SCRIPT, type Server } from './estate.ts';

/*
 * A pair of real PostgreSQL servers with streaming replication. Both are clones of one tree, so that their data are the
 * same to the byte: one of them is told to be the standby before its first boot, and follows the other at once.
 */

/** Debian's package, whose installation makes the cluster 15/main. */
export const DATABASE_PACKAGES = ['postgresql'];

const DATA = '/var/lib/postgresql/15/main';
const ETC = '/etc/postgresql/15/main';

const SCRIPT = `#!/bin/sh
# database-pair role|is-standby|handover: which role this server's PostgreSQL has, and how it gives the active one away.
set -eu
here() { runuser -u postgres -- psql -XtAq -d postgres -c "$1"; }
case $1 in
role)
  if [ "$(here 'select pg_is_in_recovery()')" = t ]; then echo '{"role": "standby"}'; else echo '{"role": "active"}'; fi
  ;;
is-standby)
  [ "$(here "select pg_is_in_recovery() and exists (select from pg_stat_wal_receiver where status = 'streaming')")" = t ]
  ;;
handover)
  peer=$(cat /etc/database-pair/peer)
  following=$(here "select count(*) from pg_stat_replication where state = 'streaming'")
  [ "$following" = 1 ] || { echo "$peer does not follow: nothing is handed over" >&2; exit 1; }
  # A clean shutdown waits until the standby has all of it: so nothing that was committed is lost.
  systemctl stop ${DATABASE_UNIT}
  psql -XtAq -h "$peer" -U postgres -d postgres -c 'select pg_promote(true, 60)'
  runuser -u postgres -- touch ${DATA}/standby.signal
  systemctl start ${DATABASE_UNIT}
  tries=0
  until "$0" is-standby; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "it does not follow $peer" >&2; exit 1; }
    sleep 0.2
  done
  ;;
*) exit 2 ;;
esac
`;

/** Before the host's first boot: its role, its peer and how the two reach each other. */
export function layOutDatabase(host: Host, { pair }: Server): void {
  host.write(PAIR_SCRIPT, SCRIPT, 0o755);
  host.write(`${ETC}/conf.d/night.conf`, `listen_addresses = '*'\nshared_buffers = 16MB\nwal_keep_size = 64MB\n`);
  const peers = `host all,replication postgres ${NETWORK_CIDR} trust\n`;
  host.write(`${ETC}/pg_hba.conf`, host.read(`${ETC}/pg_hba.conf`) + peers);
  if (!pair) return;
  host.write('/etc/database-pair/peer', `${pair.peer}\n`);
  host.write('/etc/tidemark/facts.d/pair', `#!/bin/sh\nexec ${PAIR_SCRIPT} role\n`, 0o755);
  const source = `host=${pair.peer} user=postgres application_name=${host.name}`;
  host.write(`${ETC}/conf.d/peer.conf`, `primary_conninfo = '${source}'\n`);
  if (!pair.active) host.write(`${DATA}/standby.signal`, '');
}

/** Rows that must be on both members after the night. */
export const ROWS = 100;

export async function fillDatabase(host: Host): Promise<void> {
  await ask(host, `create table bookings as select generate_series(1, ${ROWS}) as id`);
}

export const rowsOf = async (host: Host): Promise<number> => Number(await ask(host, 'select count(*) from bookings'));

export const isActive = async (host: Host): Promise<boolean> =>
  (await ask(host, 'select pg_is_in_recovery()')).trim() === 'f';

/** Whether the standby receives what the active one writes. */
export const follows = async (host: Host): Promise<boolean> =>
  (await host.exec([PAIR_SCRIPT, 'is-standby'])).code === 0;

const ask = (host: Host, statement: string): Promise<string> =>
  host.execOk(['runuser', '-u', 'postgres', '--', 'psql', '-XtAq', '-d', 'postgres', '-c', statement]);
