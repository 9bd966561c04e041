import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { ask, lostWrites, startWriter } from './postgres.ts';

/* A real Patroni over a real etcd, with two members of PostgreSQL 15, while somebody writes. */

const CONFIGURATION = '/etc/patroni/config.yml';
const UNIT = 'patroni.service';

let lab: Lab;

beforeAll(async () => {
  const member = ['patroni', 'python3-etcd', 'postgresql'];
  lab = await Lab.start({
    names: ['dcs', 'pt1', 'pt2'],
    packagesOf: { dcs: ['etcd-server'], pt1: member, pt2: member },
  });
  const dcs = lab.host('dcs');
  const url = `http://${dcs.address}:2379`;
  await dcs.exec(['systemctl', 'stop', 'etcd.service']);
  await dcs.execOk(['mkdir', '-p', '/var/lib/tm-etcd']);
  await dcs.execOk([
    ...['systemd-run', '-q', '--unit=tm-etcd', '/usr/bin/etcd', '--data-dir', '/var/lib/tm-etcd'],
    ...['--listen-client-urls', `http://0.0.0.0:2379`, '--advertise-client-urls', url],
  ]);
  for (const name of ['pt1', 'pt2']) {
    const host = lab.host(name);
    await host.execOk(['systemctl', 'disable', '--now', 'postgresql.service', 'postgresql@15-main.service']);
    host.write(CONFIGURATION, configuration(host, `${dcs.address}:2379`), 0o644);
    await host.execOk(['systemctl', 'enable', '--now', UNIT]);
    await until(`${name} takes part`, async () => (await roles()).includes(name), { withinMs: 90_000, describe: list });
  }
  await until('the standby follows', async () => (await roles()).length === 2 && (await standby()) !== null, {
    withinMs: 90_000,
    describe: list,
  });
  const primary = await leader();
  await ask(primary, 'create table marks (n integer primary key)');
});

afterAll(() => lab?.down());

const configuration = (host: Host, etcd: string) => `scope: paydb
name: ${host.name}
restapi: {listen: "${host.address}:8008", connect_address: "${host.address}:8008"}
etcd3: {host: "${etcd}"}
bootstrap:
  dcs: {ttl: 20, loop_wait: 2, retry_timeout: 5, maximum_lag_on_failover: 1048576, postgresql: {use_pg_rewind: true}}
  initdb: [{encoding: UTF8}, data-checksums]
  pg_hba:
    - local all all trust
    - host replication replicator 10.77.0.0/16 scram-sha-256
    - host all all 10.77.0.0/16 trust
postgresql:
  listen: "0.0.0.0:5432"
  connect_address: "${host.address}:5432"
  data_dir: /var/lib/postgresql/patroni
  bin_dir: /usr/lib/postgresql/15/bin
  authentication:
    replication: {username: replicator, password: one}
    superuser: {username: postgres, password: two}
  parameters: {unix_socket_directories: /var/run/postgresql}
`;

interface Listed {
  Member: string;
  Role: string;
  State: string;
}

async function members(): Promise<Listed[]> {
  const ended = await lab.host('pt1').exec(['patronictl', '-c', CONFIGURATION, 'list', '--format', 'json']);
  return ended.code === 0 ? (JSON.parse(ended.stdout) as Listed[]) : [];
}

const list = async () => JSON.stringify(await members());
const roles = async () =>
  (await members()).filter(({ State }) => /running|streaming/.test(State)).map(({ Member }) => Member);
const leader = async (): Promise<Host> => {
  const found = (await members()).find(({ Role, State }) => Role === 'Leader' && State === 'running');
  return lab.host(found?.Member ?? 'nobody leads');
};
const standby = async (): Promise<Host | null> => {
  const found = (await members()).find(({ Role, State }) => Role === 'Replica' && /running|streaming/.test(State));
  return found ? lab.host(found.Member) : null;
};
const need = <T>(value: T | null): T => {
  if (value === null) throw new Error('there is no standby');
  return value;
};

const handOver = (from: Host, candidate: string | null = null) =>
  runStep(from, {
    kind: 'cluster/handover',
    args: {
      ...{ cluster: 'paydb', manager: 'patroni', unit: UNIT, configuration: CONFIGURATION },
      ...{ member: from.name, candidate, waitMs: 60_000 },
    },
  });
const membership = (host: Host, kind: 'leave' | 'join') =>
  runStep(host, {
    kind: `cluster/${kind}`,
    args: {
      cluster: 'paydb',
      member: { manager: 'patroni', unit: UNIT, configuration: CONFIGURATION, member: host.name },
      waitMs: 60_000,
    },
  });

describe('a cluster of Patroni', () => {
  it('changes its leader and back while somebody writes, and loses nothing that was acknowledged', async () => {
    const before = await leader();
    const other = need(await standby());
    const writer = await startWriter(other, `host=${before.address},${other.address} user=postgres dbname=postgres`);
    await writer.more(20);
    const there = await handOver(before, other.name);
    expect(there).toMatchObject({
      outcome: 'succeeded',
      message: expect.stringContaining(`${other.name} leads paydb`),
    });
    expect((await leader()).name).toBe(other.name);
    await writer.more(20);
    expect(await handOver(other)).toMatchObject({ outcome: 'succeeded' });
    expect((await leader()).name).toBe(before.name);
    await writer.more(20);
    await writer.stop();
    expect(await lostWrites(before, writer.acknowledged())).toEqual([]);
  });

  it('is left by a member that follows, over a reboot, and joined with all that was written meanwhile', async () => {
    const primary = await leader();
    const other = need(await standby());
    expect((await membership(primary, 'leave')).message).toContain('hand it over first');
    expect((await handOver(other)).message).toContain('does not lead paydb');
    expect(await membership(other, 'leave')).toMatchObject({ outcome: 'succeeded' });
    await ask(primary, 'insert into marks values (2000001)');
    // With nobody to take over, the role stays where it is.
    expect((await handOver(primary)).message).toContain('nothing has changed');
    expect((await leader()).name).toBe(primary.name);
    await other.kill();
    other.boot();
    await other.ready();
    expect((await other.exec(['systemctl', 'is-active', UNIT])).stdout.trim()).toBe('inactive');
    expect(await membership(other, 'join')).toMatchObject({ outcome: 'succeeded' });
    expect(await ask(other, 'select count(*) from marks where n = 2000001')).toBe('1');
  });
});
