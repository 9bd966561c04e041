import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StepFixture, stepFixture } from '../testing/step-context.ts';
import type { Kept } from './snapshot.ts';
import { createLibvirtSnapshots } from './snapshot-libvirt.ts';
import { createLvmSnapshots } from './snapshot-lvm.ts';

/* A tool that does not answer, as while its service starts anew, has not said that a snapshot is gone. */

let root: string;
let step: StepFixture;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-answers-'));
  step = stepFixture(root);
});
afterEach(() => {
  step.close();
  rmSync(root, { recursive: true, force: true });
});

function says(tool: string, script: string): void {
  const file = join(root, 'usr/bin', tool);
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}
const kept = (reference: string): Kept => ({ path: 'guest', there: true, reference, bytes: 0 });
const libvirt = () => createLibvirtSnapshots('qemu:///system', step.context.place);
const lvm = () => createLvmSnapshots(step.context.place);
const reference = JSON.stringify({ snapshot: 'data/home.tidemark-0123456789abcdef', inside: 'shop' });

it('a snapshot of libvirt is not taken for gone by it', async () => {
  says('virsh', 'echo "error: failed to connect to the hypervisor" >&2; exit 1');
  await expect(libvirt().remove([kept('tidemark-night')])).rejects.toThrow(/failed to connect to the hypervisor/);
  await expect(libvirt().discard('night', [{ path: 'guest', at: 'guest' }])).rejects.toThrow(/failed to connect/);
});

it('a virtual machine is not taken for gone by it either, and one that is gone has no snapshots', async () => {
  says('virsh', 'case "$*" in *"list --all --name"*) echo other;; *) echo "no such domain" >&2; exit 1;; esac');
  await libvirt().remove([kept('tidemark-night')]);
  says('virsh', 'case "$*" in *"list --all --name"*) echo guest;; *) echo "lost the connection" >&2; exit 1;; esac');
  await expect(libvirt().remove([kept('tidemark-night')])).rejects.toThrow(/lost the connection/);
});

it('a thin volume is not taken for gone by it', async () => {
  says('lvs', 'echo "  Can not get lock for data" >&2; exit 5');
  await expect(lvm().remove([kept(reference)])).rejects.toThrow(/Can not get lock for data/);
});

it('a thin volume that is gone is gone', async () => {
  says('lvs', 'echo \'{"report": [{"lv": [{"vg_name": "data", "lv_name": "pool"}]}]}\'');
  await lvm().remove([kept(reference)]);
});
