import { connect as connectSocket, type Socket } from 'node:net';
import postgres from 'postgres';

/**
 * One session of the database: one connection, used by one caller at a time, and dead for ever once that connection is
 * lost.
 *
 * The driver's own pool connects anew under the same handle. What a transaction still sends after its connection was
 * lost, its ROLLBACK first of all, would then run in whatever the new connection is doing by then: outside of any
 * transaction, or inside of somebody else's. It also writes to the lost socket from a timer, where nothing can catch the
 * error, or never again (porsager/postgres 1154, 1066, 1208; open in 3.4.9). A session that cannot connect twice has
 * none of this.
 */
export interface Session {
  sql: postgres.Sql;
  isLost(): boolean;
}

export type SessionOptions = postgres.Options<Record<string, postgres.PostgresType>> & { url?: string };

/** What the driver hands to its socket factory. */
interface Target {
  host: string[];
  port: number[];
  path: string | false;
}

export class SessionLost extends Error {
  override name = 'SessionLost';
  readonly code = 'SESSION_LOST';
}

export function openSession({ url, ...options }: SessionOptions, connectWithinMs: number, onLost: () => void): Session {
  let used = false;
  let lost = false;
  const lose = () => {
    if (lost) return;
    lost = true;
    onLost();
    // Rejects what still waits in this session. It may be a query that is just being made.
    setImmediate(() => void sql.end({ timeout: 0 }));
  };
  const sql = postgres(url ?? '', {
    ...options,
    max: 1,
    max_lifetime: null,
    onclose: lose,
    socket: async (target: Target) => {
      if (used) throw new SessionLost('the connection to the database was lost');
      used = true;
      try {
        return await openSocket(target, connectWithinMs);
      } catch (error) {
        lose();
        throw error;
      }
    },
  } as postgres.Options<Record<string, postgres.PostgresType>>);
  return { sql, isLost: () => lost };
}

function openSocket({ host, port, path }: Target, withinMs: number): Promise<Socket> {
  const target = path ? { path } : { host: host[0] ?? 'localhost', port: port[0] ?? 5432 };
  const where = path || `${host[0]}:${port[0]}`;
  return new Promise((resolve, reject) => {
    // The driver reads the name from the socket to check the server's certificate.
    const socket = Object.assign(connectSocket(target), path ? {} : { host: host[0] });
    const late = setTimeout(
      () => socket.destroy(new Error(`no answer from ${where} within ${withinMs / 1_000} s`)),
      withinMs,
    );
    socket.once('error', reject).once('connect', () => {
      clearTimeout(late);
      socket.removeListener('error', reject);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(late));
  });
}
