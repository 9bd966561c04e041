import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { ask, lostWrites, startWriter } from './postgres.ts';

/* Two real PostgreSQL 15 in streaming replication, switched over while somebody writes. Nothing else manages them. */

const VERSION = '15';
const DATA = `/var/lib/postgresql/${VERSION}/main`;
const UNIT = `postgresql@${VERSION}-main.service`;
const PGPASS = '/var/lib/postgresql/.pgpass';

let lab: Lab;
let [one, two]: Host[] = [];

beforeAll(async () => {
  lab = await Lab.start({ names: ['pg1', 'pg2'], packages: ['postgresql'] });
  [one, two] = [lab.host('pg1'), lab.host('pg2')];
  for (const host of lab.hosts) {
    await host.execOk(['systemctl', 'stop', UNIT]);
    host.write(`/etc/postgresql/${VERSION}/main/conf.d/lab.conf`, "listen_addresses = '*'\n");
    host.write(
      `/etc/postgresql/${VERSION}/main/pg_hba.conf`,
      'local all postgres peer\nhost all tm 10.77.0.0/16 scram-sha-256\nhost replication tm 10.77.0.0/16 scram-sha-256\n',
    );
    host.write(PGPASS, '*:*:*:tm:secret\n', 0o600);
    await host.execOk(['chown', 'postgres:postgres', PGPASS]);
  }
  await one.execOk(['systemctl', 'start', UNIT]);
  // No superuser: what the handover needs, and a table of its own.
  await ask(one, "create role tm login replication password 'secret'");
  await ask(one, 'grant execute on function pg_promote(boolean, integer) to tm');
  await ask(one, 'create table marks (n integer primary key)');
  await ask(one, 'grant all on marks to tm');
  await two.execOk(['rm', '-rf', DATA]);
  const base = ['pg_basebackup', '-h', one.address, '-U', 'tm', '-D', DATA, '-R', '-X', 'stream', '-c', 'fast'];
  await two.execOk(['runuser', '-u', 'postgres', '--', 'env', 'HOME=/var/lib/postgresql', ...base]);
  await two.execOk(['systemctl', 'start', UNIT]);
  await streams(one);
});

afterAll(() => lab?.down());

const streams = (primary: Host) =>
  until('the standby streams', async () => (await ask(primary, 'select count(*) from pg_stat_replication')) === '1');
const isStandby = async (host: Host) => (await ask(host, 'select pg_is_in_recovery()')) === 't';
const handOver = (from: Host, to: Host) =>
  runStep(from, {
    kind: 'cluster/handover',
    args: {
      cluster: 'paydb',
      manager: 'postgresql',
      unit: UNIT,
      dataDirectory: DATA,
      socket: '/var/run/postgresql',
      port: 5432,
      systemUser: 'postgres',
      peer: to.address,
      peerPort: 5432,
      user: 'tm',
      waitMs: 60_000,
    },
  });

describe('two PostgreSQL servers in streaming replication', () => {
  it('change roles and back while somebody writes, and lose nothing that was acknowledged', async () => {
    if (!one || !two) throw new Error('there are no hosts');
    const writer = await startWriter(two, `host=${one.address},${two.address} user=tm dbname=postgres`);
    await writer.more(20);
    const there = await handOver(one, two);
    expect(there).toMatchObject({ outcome: 'succeeded', message: expect.stringContaining('is the primary of paydb') });
    expect([await isStandby(one), await isStandby(two)]).toEqual([true, false]);
    await writer.more(20);
    expect(await handOver(two, one)).toMatchObject({ outcome: 'succeeded' });
    expect([await isStandby(one), await isStandby(two)]).toEqual([false, true]);
    await writer.more(20);
    await writer.stop();
    expect(writer.acknowledged().length).toBeGreaterThanOrEqual(60);
    expect(await lostWrites(one, writer.acknowledged())).toEqual([]);
    const rows = await ask(one, 'select count(*) from marks');
    await until(
      'the standby has them too',
      async () => (await ask(two as Host, 'select count(*) from marks')) === rows,
    );
  });

  it('say so where there is nothing to hand over, and where nobody could take it; then nothing stops', async () => {
    if (!one || !two) throw new Error('there are no hosts');
    expect((await handOver(two, one)).message).toContain('is a standby of paydb already');
    await two.execOk(['systemctl', 'stop', UNIT]);
    const began = await ask(one, 'select pg_postmaster_start_time()');
    expect(await handOver(one, two)).toMatchObject({ outcome: 'failed' });
    expect(await ask(one, 'select pg_postmaster_start_time()')).toBe(began);
    await two.execOk(['systemctl', 'start', UNIT]);
    await streams(one);
  });
});

describe('putting a database directory back', () => {
  const snapshot = (kind: string, args: Record<string, unknown>) => {
    if (!two) throw new Error('there is no host');
    return runStep(two, { kind: `snapshot/${kind}`, args });
  };
  const revert = (whenWritten: string) => snapshot('revert', { name: 'night', paths: [DATA], whenWritten });

  it('asks a person where transactions were committed since, and not where it was only stopped and started', async () => {
    if (!one || !two) throw new Error('there are no hosts');
    // A server of its own: what follows concerns one that takes writes.
    await ask(two, 'select pg_promote()');
    await two.execOk(['systemctl', 'stop', UNIT]);
    const made = await snapshot('create', { method: 'copy', name: 'night', paths: [DATA] });
    expect([made.outcome, made.message]).toEqual(['succeeded', expect.stringContaining('copied')]);
    await two.execOk(['systemctl', 'start', UNIT]);
    await two.execOk(['systemctl', 'stop', UNIT]);
    const idle = await revert('ask');
    expect([idle.outcome, idle.message]).toEqual(['succeeded', expect.stringContaining('again')]);
    await two.execOk(['systemctl', 'start', UNIT]);
    await ask(two, 'insert into marks values (1000001)');
    await two.execOk(['systemctl', 'stop', UNIT]);
    const asked = await revert('ask');
    expect(asked).toMatchObject({
      outcome: 'failed',
      facts: {
        reason: 'database-has-written',
        written: [{ database: DATA, why: expect.stringMatching(/^\d+ trans/) }],
      },
    });
    expect(await revert('lose')).toMatchObject({ outcome: 'succeeded' });
    await two.execOk(['systemctl', 'start', UNIT]);
    expect(await ask(two, 'select count(*) from marks where n = 1000001')).toBe('0');
  });
});
