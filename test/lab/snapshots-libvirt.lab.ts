import { type PruningFixture, pruningConformance } from '@tidemark/agent/steps/snapshot-pruning.conformance.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_STATE, runStep } from './agent.ts';
import { pause, until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';

/* A real libvirt with real qcow2 disks and a machine that QEMU emulates: what is on a disk is written and read by qemu-io. */

const DISK = '/var/lib/libvirt/images/guest.qcow2';

let lab: Lab;
let host: Host;

beforeAll(async () => {
  const packages = ['libvirt-daemon-system', 'libvirt-clients', 'qemu-system-x86', 'qemu-utils'];
  lab = await Lab.start({ names: ['vm01'], packages });
  host = lab.first;
  // A host of the lab is a container: it has no security modules, name spaces or control groups to give to guests.
  host.write(
    '/etc/libvirt/qemu.conf',
    'security_driver = "none"\nnamespaces = []\ncgroup_controllers = []\nuser = "root"\ngroup = "root"\n',
  );
  await host.execOk(['systemctl', 'restart', 'libvirtd']);
  await host.execOk(['qemu-img', 'create', '-q', '-f', 'qcow2', DISK, '64M']);
  host.write('/tmp-guest.xml', GUEST);
  await until('libvirt answers', async () => (await virsh('list', '--all')).code === 0);
  expect((await virsh('define', '/tmp-guest.xml')).stderr).toBe('');
});

afterAll(() => lab?.down());

const GUEST = `<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='${DISK}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
`;

const virsh = (...args: string[]) => host.exec(['virsh', '-q', '-c', 'qemu:///system', ...args]);
const snapshots = async () => (await virsh('snapshot-list', 'guest', '--name')).stdout.trim();
const write = (pattern: string) => host.execOk(['qemu-io', '-c', `write -P ${pattern} 0 64k`, DISK]);
/** Whether the disk begins with it. */
const has = async (pattern: string) =>
  !(await host.exec(['qemu-io', '-c', `read -P ${pattern} 0 64k`, DISK])).stdout.includes(
    'Pattern verification failed',
  );
const step = async (kind: string, args: Record<string, unknown>) => {
  const { outcome, message } = await runStep(host, { kind: `snapshot/${kind}`, args });
  return `${outcome}: ${message}`;
};
const create = (name = 'night', domains = ['guest']) =>
  step('create', { method: 'libvirt', name, domains, uri: 'qemu:///system' });
const revert = (name = 'night') => step('revert', { name, domains: ['guest'] });

describe('a snapshot of a virtual machine', () => {
  it('puts its disk back as often as it is asked to, and is deleted without a trace', async () => {
    await write('0xaa');
    expect(await create()).toMatch(/^succeeded: 1 virtual machines are kept by libvirt/);
    expect(await create()).toMatch(/^succeeded: the snapshot night is there already/);
    for (const pattern of ['0xbb', '0xcc']) {
      await write(pattern);
      expect([await has(pattern), await has('0xaa')]).toEqual([true, false]);
      expect(await revert()).toMatch(/^succeeded: guest as at/);
      expect(await has('0xaa')).toBe(true);
    }
    expect(await snapshots()).toBe('tidemark-night');
    expect(await step('delete', { name: 'night' })).toMatch(/^succeeded/);
    expect(await step('delete', { name: 'night' })).toMatch(/^succeeded: there is no snapshot/);
    expect(await snapshots()).toBe('');
  });

  it('that runs goes back to running, with what it had in memory', async () => {
    expect((await virsh('start', 'guest')).stderr).toBe('');
    expect(await create('running')).toMatch(/^succeeded/);
    expect((await virsh('destroy', 'guest')).code).toBe(0);
    expect(await revert('running')).toMatch(/^succeeded/);
    expect((await virsh('domstate', 'guest')).stdout.trim()).toBe('running');
    await virsh('destroy', 'guest');
    expect(await step('delete', { name: 'running' })).toMatch(/^succeeded/);
  });

  it('is refused where there is no such machine, and where its disk can hold none; then nothing is left', async () => {
    expect(await create('none', ['guest', 'other'])).toMatch(/^failed: .*has no virtual machine other/);
    expect(await snapshots()).toBe('');
    await host.execOk(['qemu-img', 'create', '-q', '-f', 'raw', '/var/lib/libvirt/images/raw.img', '1M']);
    host.write(
      '/tmp-raw.xml',
      GUEST.replace('guest</name>', 'raw</name>')
        .replace(DISK, '/var/lib/libvirt/images/raw.img')
        .replace("'qcow2'", "'raw'"),
    );
    await virsh('define', '/tmp-raw.xml');
    expect(await create('mixed', ['guest', 'raw'])).toMatch(/^failed: .*raw.img of raw is no qcow2 image/);
    expect(await snapshots()).toBe('');
  });

  it('is not reverted where somebody has deleted it', async () => {
    expect(await create('gone')).toMatch(/^succeeded/);
    await virsh('snapshot-delete', 'guest', 'tidemark-gone');
    expect(await revert('gone')).toMatch(/^failed: .*has no snapshot tidemark-gone/);
  });
});

/** After a power cut the guest is off, as one that does not start by itself is. */
const answers = () => until('libvirt answers', async () => (await virsh('domstate', 'guest')).code === 0);
const PATTERNS: Readonly<Record<string, string>> = { one: '0xaa', patched: '0xbb' };

async function removeAll(): Promise<void> {
  for (const name of (await snapshots()).split('\n').filter(Boolean)) await virsh('snapshot-delete', 'guest', name);
  await host.execOk(['rm', '-rf', `${AGENT_STATE}/snapshots`]);
}

pruningConformance('libvirt', async (): Promise<PruningFixture> => {
  await removeAll();
  return {
    step: (kind, args) => runStep(host, { kind, args: { ...args } }),
    async cutOff(kind, args, afterMs) {
      const cut = runStep(host, { kind, args: { ...args } }).catch(() => undefined);
      await pause(afterMs);
      await host.kill();
      await cut;
      await host.boot();
      await host.ready();
      await answers();
    },
    create: (name, expiresAt) => ({
      ...{ method: 'libvirt', name, domains: ['guest'], uri: 'qemu:///system' },
      ...(expiresAt !== undefined && { expiresAt }),
    }),
    revert: name => ({ name, domains: ['guest'] }),
    // What the disk holds, whatever libvirt has written down of it.
    count: async () => {
      const said = await host.execOk(['qemu-img', 'snapshot', '-l', DISK]);
      return said.split('\n').filter(line => /^\d+ /.test(line.trim())).length;
    },
    write: async text => void (await write(PATTERNS[text] ?? '')),
    read: async () => {
      for (const [text, pattern] of Object.entries(PATTERNS)) if (await has(pattern)) return text;
      return 'neither';
    },
    state: file => host.path(`${AGENT_STATE}/${file}`),
    close: removeAll,
  };
}, [300, 900, 1_500]);
