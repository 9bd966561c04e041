import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import postgres from 'postgres';

export interface PostgresAddress {
  at: { by: 'socket'; directory: string } | { by: 'loopback' };
  port: number;
  database: string;
  user: string;
  /** Who connects, for peer authentication; null: the process's own user. */
  systemUser: string | null;
}

const CONNECT_SECONDS = 10;

/**
 * Asks one statement in a transaction that only reads, and gives the first column of the first row as text (null for an
 * SQL null), or undefined where there is no row. The extended protocol takes one statement only, so that nothing can end
 * the transaction from inside the text.
 */
export async function askPostgres(
  address: PostgresAddress,
  query: string,
  statementMs: number,
): Promise<string | null | undefined> {
  const sql = postgres({
    host: '127.0.0.1',
    port: address.port,
    database: address.database,
    username: address.user,
    // Neither from the environment nor from files: what an order asks does not depend on who started the agent.
    password: '',
    max: 1,
    fetch_types: false,
    prepare: false,
    connect_timeout: CONNECT_SECONDS,
    onnotice: () => undefined,
    connection: { application_name: 'tidemark' },
    socket: () => open(address),
  } as postgres.Options<Record<string, never>>);
  try {
    return await sql.begin('read only', async tx => {
      await tx.unsafe(`set local statement_timeout = ${Math.trunc(statementMs)}`);
      // One row at a time: a query that finds millions of them is still one answer.
      for await (const rows of tx
        .unsafe(query, [], { simple: false } as never)
        .raw()
        .cursor(1)) {
        const value = (rows as unknown as (Buffer | null)[][])[0]?.[0];
        return value === null ? null : value?.toString('utf8');
      }
      return undefined;
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Connected, since the library would connect a socket itself as the wrong user. */
function open({ at, port, systemUser }: PostgresAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      at.by === 'loopback'
        ? connect({ host: '127.0.0.1', port })
        : asUser(systemUser, () => connect({ path: join(at.directory, `.s.PGSQL.${port}`) }));
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** The server sees who connects at the moment of the system call, which is made before `connect` returns. */
function asUser<T>(user: string | null, work: () => T): T {
  const { geteuid, seteuid } = process;
  if (user === null || !geteuid || !seteuid) return work();
  const before = geteuid();
  seteuid(user);
  try {
    return work();
  } finally {
    seteuid(before);
  }
}
