import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';

/* The machine, as the kernel shows it in /sys and /proc. systeminformation asks programs for the same (docs/decisions/0501). */

const DMI = '/sys/class/dmi/id';
/** What makers leave where a number should be. */
const PLACEHOLDER =
  /^(to be filled by o\.e\.m\.|not specified|none|default string|system (serial number|product name)|0+|x+)$/i;

const dmi = (files: ServerFiles, name: string): string => {
  const value = files.line(`${DMI}/${name}`).slice(0, 256);
  return PLACEHOLDER.test(value) ? '' : value;
};

export function collectFirmware(files: ServerFiles): SectionContent<'firmware'> | null {
  const isUefi = files.exists('/sys/firmware/efi');
  if (!isUefi && !files.exists(DMI)) return null;
  return {
    vendor: dmi(files, 'bios_vendor'),
    version: dmi(files, 'bios_version'),
    date: dmi(files, 'bios_date'),
    boot: isUefi ? 'uefi' : 'bios',
    secureBoot: isUefi ? secureBoot(files) : null,
  };
}

/** Four bytes of attributes, and one that says it (UEFI specification, 3.3). */
function secureBoot(files: ServerFiles): boolean | null {
  const directory = '/sys/firmware/efi/efivars';
  const name = files.names(directory).find(each => each.startsWith('SecureBoot-'));
  const text = name === undefined ? '' : files.text(`${directory}/${name}`);
  return text === '' ? null : text.charCodeAt(text.length - 1) === 1;
}

/** SMBIOS, 7.4.1. */
const CHASSIS: Readonly<Record<string, string>> = {
  ...{ 1: 'Other', 3: 'Desktop', 7: 'Tower', 9: 'Laptop', 10: 'Notebook', 17: 'Server', 23: 'Rack', 28: 'Blade' },
};

export function collectHardware(files: ServerFiles): SectionContent<'hardware'> | null {
  const board = files.line('/sys/firmware/devicetree/base/model').replaceAll('\0', '');
  if (!files.exists(DMI) && board === '') return null;
  const chassis = files.line(`${DMI}/chassis_type`);
  return {
    vendor: dmi(files, 'sys_vendor'),
    product: dmi(files, 'product_name') || board,
    version: dmi(files, 'product_version'),
    serial: dmi(files, 'product_serial'),
    uuid: dmi(files, 'product_uuid'),
    chassis: CHASSIS[chassis] ?? chassis,
    board: [dmi(files, 'board_vendor'), dmi(files, 'board_name')].filter(word => word !== '').join(' '),
  };
}

/** By what firmware calls itself: the words of systemd-detect-virt(1). */
const MACHINES: readonly [RegExp, string][] = [
  [/\bKVM\b/i, 'kvm'],
  [/\bQEMU\b/i, 'qemu'],
  [/Amazon EC2/i, 'amazon'],
  [/Google Compute Engine/i, 'google'],
  [/VMware/i, 'vmware'],
  [/innotek|VirtualBox/i, 'oracle'],
  [/\bXen\b/i, 'xen'],
  [/Microsoft Corporation.*Virtual Machine/i, 'microsoft'],
  [/Parallels/i, 'parallels'],
  [/BHYVE/i, 'bhyve'],
  [/OpenStack/i, 'kvm'],
];

export function collectVirtualisation(files: ServerFiles): SectionContent<'virtualisation'> {
  const container = containerOf(files);
  if (container) return { kind: 'container', ...container };
  const hints: string[] = [];
  const said = ['sys_vendor', 'product_name', 'bios_vendor', 'board_vendor'].map(name => dmi(files, name));
  const named = MACHINES.find(([pattern]) => pattern.test(said.join(' ')));
  if (named) hints.push(`firmware says ${said.filter(word => word !== '').join(', ')}`.slice(0, 1_024));
  const hypervisor = files.line('/sys/hypervisor/type');
  if (hypervisor !== '') hints.push(`/sys/hypervisor says ${hypervisor}`);
  if (/^flags\s*:.*\bhypervisor\b/m.test(files.text('/proc/cpuinfo'))) hints.push('the processor says hypervisor');
  if (hints.length === 0) return { kind: 'none', system: '', hints };
  return { kind: 'vm', system: named?.[1] ?? (hypervisor || 'vm-other'), hints };
}

function containerOf(files: ServerFiles): { system: string; hints: string[] } | null {
  const systemd = files.line('/run/systemd/container');
  if (systemd !== '') return { system: systemd, hints: ['/run/systemd/container'] };
  for (const [path, system] of [
    ['/.dockerenv', 'docker'],
    ['/run/.containerenv', 'podman'],
  ] as const)
    if (files.exists(path)) return { system, hints: [path] };
  return null;
}

export function collectCpu(files: ServerFiles): SectionContent<'cpu'> {
  const blocks = files
    .text('/proc/cpuinfo')
    .split(/\n\n+/)
    .filter(block => /^processor\s*:/m.test(block));
  const of = (block: string, name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(block)?.[1]?.trim() ?? '';
  const [first = ''] = blocks;
  const sockets = new Set(blocks.map(block => of(block, 'physical id')));
  const cores = new Set(
    blocks.map(block => `${of(block, 'physical id')}/${of(block, 'core id') || of(block, 'processor')}`),
  );
  const directory = '/sys/devices/system/cpu/vulnerabilities';
  return {
    vendor: of(first, 'vendor_id') || of(first, 'CPU implementer'),
    model: of(first, 'model name') || of(first, 'CPU part'),
    sockets: sockets.size,
    cores: cores.size,
    threads: blocks.length,
    microcode: of(first, 'microcode'),
    vulnerabilities: Object.fromEntries(
      files.names(directory).map(name => [name, files.line(`${directory}/${name}`).slice(0, 1_024)]),
    ),
  };
}

/** Made by the kernel of memory, files or other devices. */
const NO_DISK = /^(loop|ram|zram|dm-|md|sr|fd|nbd)\d*/;
/** Of `size`, whatever the device's own sectors are (Documentation/ABI/stable/sysfs-block). */
const SECTOR_BYTES = 512;

export function collectDisks(files: ServerFiles): SectionContent<'disks'> {
  return files
    .names('/sys/block')
    .filter(name => !NO_DISK.test(name))
    .map(name => {
      const at = (what: string) => files.line(`/sys/block/${name}/${what}`).slice(0, 256);
      const rotational = at('queue/rotational');
      return {
        name,
        bytes: Number(at('size') || 0) * SECTOR_BYTES,
        model: at('device/model'),
        serial: at('device/serial') || at('device/wwid') || at('serial'),
        rotational: rotational === '' ? null : rotational === '1',
        removable: at('removable') === '1',
      };
    })
    .filter(({ bytes }) => bytes > 0);
}
