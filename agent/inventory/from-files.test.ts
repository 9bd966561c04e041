import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeSection } from '@tidemark/shared/inventory/section.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseHaproxy, parseKeepalived, patroniIn } from './cluster-software.ts';
import { parseContainers } from './containers.ts';
import { collectFromFiles } from './from-files.ts';
import { packageDatabaseKey, packagesAreSame, rememberPackages } from './package-database.ts';
import { serverFiles } from './server-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tm-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

async function collected(): Promise<{ found: Record<string, unknown>; errors: string[] }> {
  const errors: string[] = [];
  const files = serverFiles(root);
  return { found: await collectFromFiles({ files, stateDir: root, wants: () => true, errors, now: 0 }), errors };
}

describe('what files say of a server', () => {
  it('is fit to be a section, also of a server that has none of them', async () => {
    put({ '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n', '/proc/cpuinfo': 'processor : 0\nmodel name : A\n' });
    const { found, errors } = await collected();
    expect(errors).toEqual([]);
    for (const [kind, content] of Object.entries(found))
      if (content !== null) expect(makeSection(kind, content)).toMatchObject({ ok: true });
    expect(found['cpu']).toMatchObject({ model: 'A', sockets: 1, cores: 1, threads: 1 });
    expect(found['virtualisation']).toEqual({ kind: 'none', system: '', hints: [] });
  });

  it('of its machine is what firmware and kernel say, without what makers left empty', async () => {
    put({
      '/sys/class/dmi/id/sys_vendor': 'QEMU\n',
      '/sys/class/dmi/id/product_name': 'Standard PC (Q35)\n',
      '/sys/class/dmi/id/product_serial': 'To Be Filled By O.E.M.\n',
      '/sys/block/vda/size': '2048\n',
      '/sys/block/vda/queue/rotational': '0\n',
      '/sys/block/loop0/size': '8\n',
      '/proc/cpuinfo': 'processor : 0\nflags : fpu hypervisor\n\nprocessor : 1\nflags : fpu hypervisor\n',
    });
    const { found } = await collected();
    expect(found['virtualisation']).toMatchObject({ kind: 'vm', system: 'qemu' });
    expect(found['hardware']).toMatchObject({ vendor: 'QEMU', serial: '' });
    expect(found['disks']).toMatchObject([{ name: 'vda', bytes: 1_048_576, rotational: false }]);
    expect(found['cpu']).toMatchObject({ threads: 2 });
  });

  it('of certificates and libraries is where the site wants it to be looked at, and never a key', async () => {
    const pki = join(root, 'etc/pki');
    mkdirSync(pki, { recursive: true });
    const subject = ['-subj', '/CN=shop.example', '-addext', 'subjectAltName=DNS:shop.example'];
    execFileSync(
      '/usr/bin/openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
        ...[...subject, '-keyout', join(pki, 'both.pem'), '-out', join(pki, 'shop.crt')],
      ],
      { stdio: 'ignore' },
    );
    execFileSync('sh', ['-c', `cat ${pki}/shop.crt >> ${pki}/both.pem`]);
    put({
      '/etc/tidemark/inventory.yaml': 'certificates: [/etc/pki]\nlibraries: [/srv]\n',
      '/etc/pki/broken.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      '/srv/app/node_modules/@x/y/package.json': '{"name":"@x/y","version":"1.2.3"}',
      '/srv/app/lib/log4j-core-2.14.1.jar': '',
      '/srv/venv/lib/requests-2.31.0.dist-info/METADATA': '',
    });
    symlinkSync('/srv', join(root, 'srv/again'));
    const { found, errors } = await collected();
    expect(errors).toEqual([expect.stringMatching(/^certificates: \/etc\/pki\/broken.pem: /)]);
    expect(found['certificates']).toMatchObject([
      { path: '/etc/pki/both.pem', subject: 'CN=shop.example', names: ['shop.example'] },
      { path: '/etc/pki/shop.crt', subject: 'CN=shop.example' },
    ]);
    expect(JSON.stringify(found)).not.toContain('PRIVATE');
    expect(found['libraries']).toMatchObject([
      { ecosystem: 'maven', name: 'log4j-core', version: '2.14.1' },
      { ecosystem: 'npm', name: '@x/y', version: '1.2.3' },
      { ecosystem: 'pypi', name: 'requests', version: '2.31.0' },
    ]);
  });

  it('of wishes that cannot be read is that they cannot', async () => {
    put({ '/etc/tidemark/inventory.yaml': 'certificate: [/etc/pki]\n' });
    expect((await collected()).errors).toEqual([expect.stringContaining('/etc/tidemark/inventory.yaml')]);
  });

  it('of cluster software is its configuration, who has the addresses, and whether a database follows', async () => {
    put({
      '/etc/corosync/corosync.conf':
        'totem {\n  cluster_name: shop\n}\nnodelist {\n  node {\n    name: a\n  }\n  node {\n    name: b\n  }\n}\n',
      '/var/lib/postgresql/15/main/PG_VERSION': '15\n',
      '/var/lib/postgresql/15/main/standby.signal': '',
      '/var/lib/postgresql/15/main/postmaster.pid': '9\n/x\n1\n5432\n',
    });
    expect((await collected()).found['clusterSoftware']).toMatchObject({
      pacemaker: { cluster: 'shop', nodes: ['a', 'b'], state: 'stopped' },
      postgresql: [{ port: 5432, version: '15', role: 'standby' }],
      keepalived: null,
    });
    const text =
      'vrrp_instance VI_1 {\n  state BACKUP\n  priority 90\n  virtual_ipaddress {\n    10.0.0.5/24 dev eth0\n  }\n}\n';
    const [instance] = parseKeepalived(text, ['10.0.0.5/24']);
    expect(instance).toEqual({ name: 'VI_1', state: 'BACKUP', priority: 90, addresses: ['10.0.0.5/24'], here: true });
    expect(parseHaproxy('frontend f\n  bind *:80\nbackend web\n  server w1 10.0.0.1:80 check\n')).toEqual([
      { name: 'web', servers: [{ name: 'w1', address: '10.0.0.1:80' }] },
    ]);
    expect(
      patroniIn('scope: shop\nname: a\npostgresql: {data_dir: /d, authentication: {replication: {password: x}}}'),
    ).toEqual({
      ...{ scope: 'shop', name: 'a', data: '/d' },
    });
    expect(patroniIn('{{{')).toBeNull();
  });

  it('of containers is what the socket answers', async () => {
    const answer = [{ Id: 'a'.repeat(64), Names: ['/web'], Image: 'nginx:1.27', State: 'running', Extra: 1 }];
    expect(parseContainers('docker', JSON.stringify(answer))).toEqual([
      { runtime: 'docker', id: 'a'.repeat(12), name: 'web', image: 'nginx:1.27', state: 'running' },
    ]);
  });
});

it('a package manager is asked again when one of its files has changed, and once a day', async () => {
  put({ '/var/lib/dpkg/status': 'Package: a\n', '/var/lib/apt/lists/x_Packages': '' });
  const key = () => packageDatabaseKey(serverFiles(root));
  const before = key();
  expect(packagesAreSame(root, before, 1_000)).toBe(false);
  rememberPackages(root, before, 1_000);
  expect(packagesAreSame(root, key(), 2_000)).toBe(true);
  expect(packagesAreSame(root, key(), 1_000 + 86_400_000)).toBe(false);
  expect(packagesAreSame(root, key(), 500)).toBe(false);
  utimesSync(join(root, 'var/lib/apt/lists/x_Packages'), 5, 5);
  expect(packagesAreSame(root, key(), 2_000)).toBe(false);
  rmSync(join(root, 'var'), { recursive: true });
  rememberPackages(root, key(), 1_000);
  expect(packagesAreSame(root, key(), 2_000)).toBe(false);
});
