import type postgres from 'postgres';
import { openSession, type Session, SessionLost, type SessionOptions } from './session.ts';

type Row = Record<string, unknown>;
type Rows = postgres.RowList<postgres.Row[]>;

/** A query as drizzle uses one: awaited as it is for objects, or `.values()` for lists. */
interface Query extends PromiseLike<Rows> {
  values(): Promise<unknown[][]>;
}

/** The part of the driver's interface that drizzle needs. */
interface DriverPart {
  options: { parsers: Record<string, unknown>; serializers: Record<string, unknown> };
  unsafe(text: string, parameters?: unknown[], options?: postgres.UnsafeQueryOptions): Query;
  begin<T>(work: (transaction: DriverPart) => Promise<T>): Promise<T>;
  savepoint(): never;
}

/** SQL by hand, each statement in a session of its own: sql`select 1 as one` gives rows. */
export interface SqlClient {
  (text: TemplateStringsArray, ...parameters: unknown[]): Promise<Rows>;
  /** Several statements in one text, without parameters. */
  unsafe(text: string): Promise<Rows>;
  /** Waits for what runs, then closes all sessions. */
  end(): Promise<void>;
}

export interface Sessions {
  sql: SqlClient;
  /** For drizzle(). */
  driver: postgres.Sql;
}

interface Waiter {
  resolve(session: Session): void;
  reject(error: Error): void;
}

const CONNECT_WITHIN_MS = 10_000;

/** At most `max` sessions, opened when they are needed and given to one caller at a time; see {@link Session}. */
export function openSessions(options: SessionOptions, max: number): Sessions {
  const idle: Session[] = [];
  const waiting: Waiter[] = [];
  const all = new Set<Session>();
  // Drizzle sets these to leave dates and JSON alone; every session gets them as it is opened.
  const types: DriverPart['options'] = { parsers: {}, serializers: {} };
  let closing: Promise<void> | null = null;

  function open(): Session {
    const session: Session = openSession(options, CONNECT_WITHIN_MS, () => {
      all.delete(session);
      if (idle.includes(session)) idle.splice(idle.indexOf(session), 1);
      serve();
    });
    Object.assign(session.sql.options.parsers, types.parsers);
    Object.assign(session.sql.options.serializers, types.serializers);
    all.add(session);
    return session;
  }

  /** Gives sessions to who waits, as far as there are any. */
  function serve(): void {
    while (waiting.length > 0 && (idle.length > 0 || all.size < max)) waiting.shift()?.resolve(idle.pop() ?? open());
  }

  async function using<T>(work: (session: Session) => PromiseLike<T>): Promise<T> {
    if (closing) throw new SessionLost('the database is being closed');
    const session = await new Promise<Session>((resolve, reject) => {
      waiting.push({ resolve, reject });
      serve();
    });
    try {
      return await work(session);
    } finally {
      if (!session.isLost()) idle.push(session);
      serve();
    }
  }

  const unsafe: DriverPart['unsafe'] = (text, parameters = [], how) => {
    const query = (session: Session) => session.sql.unsafe(text, parameters as never[], how);
    return lazily(
      () => using(session => query(session)) as Promise<Rows>,
      () => using(session => query(session).values()) as Promise<unknown[][]>,
    );
  };

  async function end(): Promise<void> {
    closing ??= (async () => {
      for (const { reject } of waiting.splice(0)) reject(new SessionLost('the database is being closed'));
      await Promise.all([...all].map(({ sql }) => sql.end({ timeout: 5 })));
    })();
    await closing;
  }

  const driver: DriverPart = {
    options: types,
    unsafe,
    begin: work => using(session => transaction(session, types, work)),
    savepoint: noSavepoints,
  };
  const tagged = (text: TemplateStringsArray, ...parameters: unknown[]) =>
    using(({ sql }) => sql<Row[]>(text, ...(parameters as never[]))) as Promise<Rows>;
  return {
    sql: Object.assign(tagged, { unsafe: async (text: string) => await unsafe(text), end }),
    driver: driver as unknown as postgres.Sql,
  };
}

/** BEGIN, the work, COMMIT, all on this one session: once that is lost, nothing of it runs anywhere else. */
async function transaction<T>(
  session: Session,
  types: DriverPart['options'],
  work: (transaction: DriverPart) => Promise<T>,
): Promise<T> {
  let over = false;
  const unsafe: DriverPart['unsafe'] = (text, parameters = [], how) => {
    const query = () => {
      // Another caller has the session by then: a statement that was not awaited must not run in its transaction.
      if (over) throw new SessionLost('the transaction is over: a statement came after its end');
      return session.sql.unsafe(text, parameters as never[], how);
    };
    return lazily(
      async () => (await query()) as unknown as Rows,
      async () => (await query().values()) as unknown as unknown[][],
    );
  };
  await session.sql.unsafe('begin');
  try {
    const result = await work({ options: types, unsafe, begin: noSavepoints, savepoint: noSavepoints });
    over = true;
    await session.sql.unsafe('commit');
    return result;
  } catch (error) {
    over = true;
    // Of a lost session the server has undone all. One that cannot roll back must not be used by anybody else.
    if (!session.isLost()) await session.sql.unsafe('rollback').catch(() => session.sql.end({ timeout: 0 }));
    throw error;
  }
}

const noSavepoints = (): never => {
  throw new Error('a transaction in a transaction is not supported: pass the outer one on');
};

/** Runs when it is awaited, once: drizzle decides only then how it wants the rows. */
function lazily(rows: () => Promise<Rows>, values: () => Promise<unknown[][]>): Query {
  let running: Promise<Rows> | null = null;
  return {
    // biome-ignore lint/suspicious/noThenProperty: the driver's queries are thenables, and drizzle awaits them as such.
    then: (resolve, reject) => {
      running ??= rows();
      return running.then(resolve, reject);
    },
    values,
  };
}
