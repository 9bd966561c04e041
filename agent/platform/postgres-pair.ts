import { appendFile, chown, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, read } from './capture.ts';
import type { Argv, CommandPlace } from './command.ts';
import { findTool, needTool } from './tools.ts';
import { systemctl, unitStates } from './units.ts';

export interface PostgresPairOptions {
  unit: string;
  /** Paths as they lie for this agent. */
  dataDirectory: string;
  socket: string;
  port: number;
  systemUser: string;
  peer: string;
  peerPort: number;
  user: string;
}

const POLL_MS = 250;
/** The peer's own wait for its promotion. */
const PROMOTE_SECONDS = 60;

/** A position in the write-ahead log, `16/B374D848`, as a number. */
export function positionOf(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text.trim()) ?? [];
  if (high === undefined || low === undefined)
    throw new Error(`${JSON.stringify(text)} is no position in a write-ahead log`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Where a value stands in what `pg_controldata` says. */
export function controlValue(text: string, name: string): string {
  const line = text.split('\n').find(each => each.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`pg_controldata says nothing of "${name}"`);
  return line.slice(name.length + 1).trim();
}

/** Programs of PostgreSQL's own version: Debian keeps each version's in a directory of its own, which is not in the path. */
export async function postgresTool(root: string, dataDirectory: string, name: string): Promise<string> {
  const version = (await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8')).trim();
  const own = `/usr/lib/postgresql/${version}/bin/${name}`;
  return (await stat(join(root, own)).catch(() => null)) ? own : (findTool(root, name) ?? needTool(root, name));
}

/** This server and the one that follows it, by PostgreSQL's own programs and as the server's own user. */
export function createPostgresPair(options: PostgresPairOptions, { place }: { place: CommandPlace }) {
  const { unit, dataDirectory, socket, port, systemUser, peer, peerPort, user } = options;

  const asOwner = async (argv: Argv): Promise<string> => {
    const home = (await homeOf(systemUser)) ?? '/';
    const environment = { ...place.environment, HOME: home, PGCONNECT_TIMEOUT: '10', LC_ALL: 'C.UTF-8' };
    return read([needTool(place.root, 'runuser'), '-u', systemUser, '--', ...argv], { ...place, environment });
  };
  const psql = (...args: string[]) =>
    asOwner([
      needTool(place.root, 'psql'),
      '-X',
      '-q',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-w',
      '-d',
      'postgres',
      ...args,
    ]);
  const own = async (query: string) => (await psql('-h', socket, '-p', String(port), '-c', query)).trim();
  const other = async (query: string) =>
    (await psql('-h', peer, '-p', String(peerPort), '-U', user, '-c', query)).trim();

  return {
    ownInRecovery: async () => (await own('select pg_is_in_recovery()')) === 't',
    peerInRecovery: async () => (await other('select pg_is_in_recovery()')) === 't',
    peerStreams: async () => (await own("select count(*) from pg_stat_replication where state = 'streaming'")) !== '0',
    ownStreams: async () =>
      (await own("select count(*) from pg_stat_wal_receiver where status = 'streaming'").catch(() => '0')) !== '0',

    async stopOwn(): Promise<void> {
      await systemctl(['stop', '--', unit], place);
      const [state] = await unitStates([unit], place);
      if (state?.active !== 'inactive') throw new Error(`${unit} is ${state?.active} after it was stopped`);
    },

    async startOwn(): Promise<void> {
      await systemctl(['start', '--', unit], place);
    },

    /** Of the record that an orderly end writes last; throws where it did not end so. */
    async ownLastPosition(): Promise<string> {
      const said = await asOwner([await postgresTool(place.root, dataDirectory, 'pg_controldata'), dataDirectory]);
      const state = controlValue(said, 'Database cluster state');
      if (state !== 'shut down') throw new Error(`the server did not end in order: pg_controldata says "${state}"`);
      return controlValue(said, 'Latest checkpoint location');
    },

    /** Null once the peer has received the record at that position; else how far it came. */
    async waitForPeer(position: string, waitMs: number): Promise<string | null> {
      const wanted = positionOf(position);
      for (let waited = 0; ; waited += POLL_MS) {
        // Received is the end of the last record, which lies behind the beginning of it.
        const received = await other("select coalesce(pg_last_wal_receive_lsn(), '0/0')");
        if (positionOf(received) > wanted) return null;
        if (waited + POLL_MS > waitMs) return received;
        await new Promise(resolve => setTimeout(resolve, POLL_MS));
      }
    },

    async promotePeer(): Promise<void> {
      const promoted = await other(`select pg_promote(true, ${PROMOTE_SECONDS})`);
      if (promoted !== 't') throw new Error(`${peer} was not promoted within ${PROMOTE_SECONDS} s; see its log`);
    },

    /** The last setting of a name is the one that counts, and `alter system` takes the others away. */
    async followPeer(): Promise<void> {
      const { uid, gid } = await stat(dataDirectory);
      const signal = join(dataDirectory, 'standby.signal');
      await writeFile(signal, '', { mode: 0o600 });
      await chown(signal, uid, gid);
      const connection = `host=${peer} port=${peerPort} user=${user} application_name=tidemark`;
      await appendFile(join(dataDirectory, 'postgresql.auto.conf'), `primary_conninfo = '${connection}'\n`);
    },
  };

  async function homeOf(name: string): Promise<string | null> {
    const found = await capture([needTool(place.root, 'getent'), 'passwd', name], place);
    return found.status === 0 ? (found.stdout.split(':')[5] ?? null) : null;
  }
}
