import { openScan } from '@tidemark/agent/scan/scan-files.ts';
import type { Comparison } from '@tidemark/controller/verification/changes.ts';
import { createExpectations } from '@tidemark/controller/verification/expectations.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { PLANES } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_STATE, runStep } from './agent.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';

/* The profile that comes with Tidemark, on servers that are used: what people ask it is what has changed, and by whom. */

interface Scanned {
  roots: Record<(typeof PLANES)[number], Buffer>;
  coverage: { files: number; unreadable: { count: number }; unstable: { count: number } };
  load: NodeLoader;
}

async function scan(host: Host): Promise<Scanned> {
  const end = await runStep(host, { kind: 'scan/run', args: { profile: LINUX_SERVER } }, { timeoutMs: 400_000 });
  if (end.outcome !== 'succeeded') throw new Error(`${host.name}: ${end.message}`);
  const stored = openScan(host.path(`${AGENT_STATE}/scans/${end.facts?.['scan']}`));
  if (!stored.ok) throw new Error(stored.error);
  const { softwareRoot, configRoot, coverage } = stored.value.file;
  return {
    roots: { software: Buffer.from(softwareRoot, 'hex'), config: Buffer.from(configRoot, 'hex') },
    coverage,
    load: async ids => new Map(ids.flatMap(id => [[nodeKey(id), stored.value.node(id)?.data ?? Buffer.alloc(0)]])),
  };
}

/** What differs and nothing excuses, and what is excused, with its class. */
async function differences(before: Scanned, after: Scanned, relation: Comparison['relation']) {
  const load: NodeLoader = async ids => {
    const nodes = new Map(await before.load(ids));
    for (const [key, data] of await after.load(ids)) if (data.length > 0) nodes.set(key, data);
    return nodes;
  };
  const excuseOf = createExpectations({ profile: LINUX_SERVER, relation, sameRole: true });
  const found = { noise: [] as string[], expected: [] as string[] };
  for (const plane of PLANES) {
    for (const change of await listChanges(plane, before.roots[plane], after.roots[plane], load)) {
      const excuse = excuseOf({ ...change, metas: { before: null, after: null } }, plane);
      const text = `${plane} ${change.change} ${pathText(change.path)}`;
      if (excuse) found.expected.push(`${excuse.class} ${text}`);
      else found.noise.push(text);
    }
  }
  return found;
}

const COMMON = [
  'systemctl restart cron.service',
  'systemctl stop nginx.service',
  'systemctl start nginx.service',
  'systemctl restart systemd-logind.service',
  // As logrotate does it with the logs of a web server.
  'mv /var/log/nginx/access.log /var/log/nginx/access.log.1 && systemctl kill --signal=USR1 nginx.service',
  'journalctl --rotate --quiet',
  'ldconfig',
];
const USE = {
  apt: [...COMMON, 'apt-get -qq update', 'systemd-tmpfiles --create'],
  rpm: [...COMMON, 'dnf -q makecache', 'systemd-tmpfiles --create'],
};

async function use(host: Host, commands: readonly string[]): Promise<void> {
  for (const command of commands) await host.execOk(['sh', '-ec', command]);
  const boots = host.endedBoots().length;
  const id = await host.bootId();
  await host.exec(['systemctl', 'reboot']);
  while (host.endedBoots().length === boots) await new Promise(resolve => setTimeout(resolve, 200));
  await host.ready();
  expect(await host.bootId()).not.toBe(id);
}

describe('the profile of a Linux server', () => {
  let lab: Lab;
  const before = new Map<string, Scanned>();
  const after = new Map<string, Scanned>();
  const scanned = (of: Map<string, Scanned>, name: string): Scanned => {
    const found = of.get(name);
    if (!found) throw new Error(`${name} was not scanned`);
    return found;
  };

  beforeAll(async () => {
    lab = await Lab.start({ names: ['deb01', 'deb02', 'rpm01'], familyOf: { rpm01: 'rpm' } });
    for (const host of lab.hosts) before.set(host.name, await scan(host));
    await use(lab.host('deb01'), USE.apt);
    await use(lab.host('rpm01'), USE.rpm);
    for (const host of lab.hosts) after.set(host.name, await scan(host));
  });
  afterAll(() => lab?.down());

  it.each(['deb01', 'rpm01'])('sees no drift where %s is used, and nothing that it could not read', async name => {
    const { noise } = await differences(scanned(before, name), scanned(after, name), 'earlier');
    expect(noise).toEqual([]);
    const { files, unreadable, unstable } = scanned(after, name).coverage;
    expect([unreadable.count, unstable.count]).toEqual([0, 0]);
    expect(files).toBeGreaterThan(5_000);
  });

  it('sees a file of a package that somebody has edited, a new program, and a changed setting', async () => {
    const host = lab.host('deb01');
    host.write('/usr/share/base-files/motd', 'edited\n');
    host.write('/etc/cron.daily/backdoor', '#!/bin/sh\n', 0o755);
    host.write('/etc/ssh/sshd_config', `${host.read('/etc/ssh/sshd_config')}PermitRootLogin yes\n`);
    const { noise } = await differences(scanned(after, 'deb01'), await scan(host), 'earlier');
    expect(noise.sort()).toEqual([
      'config changed /etc/ssh/sshd_config',
      'software added /etc/cron.daily/backdoor',
      'software changed /usr/share/base-files/motd',
    ]);
  });
});
