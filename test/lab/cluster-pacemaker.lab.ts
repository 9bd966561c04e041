import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';

/* A real Pacemaker over a real Corosync with two nodes, and a real pair of keepalived: addresses that move for real. */

const ADDRESS = '10.77.201.1';
const SHARED = '10.77.202.1';

let lab: Lab;

beforeAll(async () => {
  const ha = ['pacemaker', 'corosync', 'crmsh', 'resource-agents'];
  const vrrp = ['keepalived'];
  lab = await Lab.start({
    names: ['ha1', 'ha2', 'ka1', 'ka2'],
    packagesOf: { ha1: ha, ha2: ha, ka1: vrrp, ka2: vrrp },
    layOut: notBeforeItsConfiguration,
  });
  const nodes = ['ha1', 'ha2'].map(name => lab.host(name));
  for (const host of nodes) {
    host.write('/etc/corosync/corosync.conf', corosync(nodes));
    host.write('/etc/hosts', `127.0.0.1 localhost\n${nodes.map(each => `${each.address} ${each.name}`).join('\n')}\n`);
  }
  await Promise.all(nodes.map(host => host.execOk(['systemctl', 'start', 'corosync', 'pacemaker'])));
  for (const [index, name] of ['ka1', 'ka2'].entries()) {
    lab.host(name).write('/etc/keepalived/keepalived.conf', keepalived(100 - index * 10));
    await lab.host(name).execOk(['systemctl', 'restart', 'keepalived']);
  }
  await until('both nodes are online', async () => (await status()).includes('Online: [ ha1 ha2 ]'), {
    withinMs: 90_000,
    describe: status,
  });
  const crm = (...args: string[]) => lab.host('ha1').execOk(['crm', 'configure', ...args]);
  await crm('property', 'stonith-enabled=false');
  await crm('primitive', 'vip', 'ocf:heartbeat:IPaddr2', 'params', `ip=${ADDRESS}`, 'cidr_netmask=16');
  await crm('primitive', 'web', 'systemd:nginx', 'op', 'monitor', 'interval=5s');
  await crm('group', 'shop', 'vip', 'web');
  await until('the group runs', async () => (await holders(ADDRESS, 'ha1', 'ha2')).length === 1, { describe: status });
  await until('the pair has its address', async () => (await holders(SHARED, 'ka1', 'ka2')).length === 1);
});

afterAll(() => lab?.down());

/** A Pacemaker that has begun as a cluster of its own may take half an hour to stop. */
function notBeforeItsConfiguration(host: Host): void {
  for (const service of ['pacemaker', 'corosync']) {
    rmSync(host.path(`/etc/systemd/system/multi-user.target.wants/${service}.service`), { force: true });
  }
}

const corosync = (nodes: readonly Host[]) => `totem {
  version: 2
  cluster_name: lab
  transport: knet
  crypto_cipher: none
  crypto_hash: none
}
nodelist {
${nodes.map(({ name, address }, index) => `  node {\n    ring0_addr: ${address}\n    name: ${name}\n    nodeid: ${index + 1}\n  }`).join('\n')}
}
quorum {
  provider: corosync_votequorum
  two_node: 1
}
logging {
  to_syslog: yes
}
`;

const keepalived = (priority: number) => `vrrp_instance shop {
  state BACKUP
  interface host0
  virtual_router_id 51
  priority ${priority}
  advert_int 1
  virtual_ipaddress { ${SHARED}/16 }
}
`;

const status = async () => (await lab.host('ha1').exec(['crm_mon', '-1'])).stdout;

/** Of these hosts, those that have the address. */
async function holders(address: string, ...names: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names)
    if ((await lab.host(name).execOk(['ip', '-o', 'address'])).includes(` ${address}/`)) found.push(name);
  return found;
}

async function holder(address: string, ...names: string[]): Promise<[Host, Host]> {
  const [own] = await holders(address, ...names);
  const other = names.find(name => name !== own);
  return [lab.host(own ?? 'nobody has the address'), lab.host(other ?? '')];
}

const step = (host: Host, kind: 'leave' | 'join', member: Record<string, unknown>) =>
  runStep(host, { kind: `cluster/${kind}`, args: { cluster: 'shop', member, waitMs: 60_000 } });

describe('a node of Pacemaker', () => {
  const leave = (host: Host) => step(host, 'leave', { manager: 'pacemaker' });
  const join = (host: Host) => step(host, 'join', { manager: 'pacemaker' });

  it('leaves with all that runs on it, and joins again; the address and the service are elsewhere meanwhile', async () => {
    const [own, other] = await holder(ADDRESS, 'ha1', 'ha2');
    expect(await leave(own)).toMatchObject({ outcome: 'succeeded', facts: { lost: [] } });
    expect(await holders(ADDRESS, 'ha1', 'ha2')).toEqual([other.name]);
    expect((await other.exec(['systemctl', 'is-active', 'nginx'])).stdout.trim()).toBe('active');
    // Nobody would be left.
    expect((await leave(other)).message).toMatch(/only node of shop that can run anything/);
    expect(await holders(ADDRESS, 'ha1', 'ha2')).toEqual([other.name]);
    expect(await leave(own)).toMatchObject({ outcome: 'succeeded' });
    expect(await join(own)).toMatchObject({ outcome: 'succeeded' });
    expect(await status()).toContain('Online: [ ha1 ha2 ]');
  });

  it('stays in standby where a person had put it there', async () => {
    const [, other] = await holder(ADDRESS, 'ha1', 'ha2');
    await other.execOk(['crm', 'node', 'standby', other.name]);
    await leave(other);
    expect((await join(other)).message).toContain('stays in standby');
    expect(await status()).toContain(`Node ${other.name}: standby`);
    await other.execOk(['crm', 'node', 'online', other.name]);
  });
});

describe('a host with keepalived', () => {
  const member = { manager: 'keepalived', addresses: [SHARED] };

  it('leaves: its address moves, and no boot brings it back before it joins', async () => {
    const [own, other] = await holder(SHARED, 'ka1', 'ka2');
    expect(await step(own, 'leave', member)).toMatchObject({ outcome: 'succeeded' });
    await until('the other one has it', async () => (await holders(SHARED, 'ka1', 'ka2')).join() === other.name);
    await own.kill();
    own.boot();
    await own.ready();
    expect((await own.exec(['systemctl', 'is-active', 'keepalived'])).stdout.trim()).toBe('inactive');
    expect(await holders(SHARED, 'ka1', 'ka2')).toEqual([other.name]);
    expect(await step(own, 'join', member)).toMatchObject({ outcome: 'succeeded' });
    expect((await own.exec(['systemctl', 'is-active', 'keepalived'])).stdout.trim()).toBe('active');
  });
});

describe('a host whose cluster is managed by commands', () => {
  const program = (file: string) => `/opt/ha/current/bin/${file}`;
  const member = {
    manager: 'command',
    leave: [program('leave')],
    left: [program('left')],
    join: [program('join')],
    joined: [program('joined')],
  };

  it('leaves and joins by them, waits for what they begin, and runs none for what is so already', async () => {
    const host = lab.host('ka1');
    const put = (name: string, line: string) => host.write(program(name), `#!/bin/sh\n${line}\n`, 0o755);
    host.write('/var/lib/ha/log', '');
    put('leave', 'echo leave >> /var/lib/ha/log; (sleep 1; touch /var/lib/ha/out) >/dev/null 2>&1 &');
    put('left', 'test -e /var/lib/ha/out');
    put('join', 'echo join >> /var/lib/ha/log; rm /var/lib/ha/out');
    put('joined', 'test ! -e /var/lib/ha/out');
    expect(await step(host, 'join', member)).toMatchObject({ outcome: 'succeeded', facts: { changed: false } });
    expect(await step(host, 'leave', member)).toMatchObject({ outcome: 'succeeded', facts: { changed: true } });
    expect(await step(host, 'leave', member)).toMatchObject({ outcome: 'succeeded', facts: { changed: false } });
    expect(await step(host, 'join', member)).toMatchObject({ outcome: 'succeeded', facts: { changed: true } });
    expect(host.read('/var/lib/ha/log')).toBe('leave\njoin\n');
    put('leave', 'echo "no quorum"; exit 1');
    expect((await step(host, 'leave', member)).message).toMatch(/leave failed: exit status 1.*no quorum/);
  });
});
