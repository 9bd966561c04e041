import { z } from 'zod';
import { byName, Count, Line, list, Name } from './text.ts';

/* What the machine is, and what runs it. */

export const Os = z.object({
  /** As Node calls it: `linux`, `win32`. */
  platform: Name,
  /** ID of os-release(5): `debian`; the platform where there is none. */
  id: Name,
  /** ID_LIKE, nearest first. */
  like: list(Name, 16),
  /** The point release where the system tells it: `12.9`, `9.4`, `3.19.1`; VERSION_ID else. Empty for rolling ones. */
  version: Name,
  /** `Debian GNU/Linux` */
  distro: Name,
  /** `12`, as people call it. */
  release: Name,
  /** `bookworm`; empty where it has none. */
  codename: Name,
  /** As Node calls it: `x64`. */
  arch: Name,
});

export const Kernel = z.object({
  /** `uname -r`. */
  running: Name,
  /** The newest that could run in its place: itself where there is none. */
  newest: Name,
  /** All that are there to be booted; none in a container. */
  installed: list(Name, 64),
});

export const Firmware = z.object({
  vendor: Name,
  version: Name,
  /** As the firmware writes it: `04/01/2014`. */
  date: Name,
  boot: z.enum(['uefi', 'bios', 'unknown']),
  /** Null where it cannot be known. */
  secureBoot: z.boolean().nullable(),
});

export const Hardware = z.object({
  vendor: Name,
  product: Name,
  version: Name,
  /** Empty where the machine has none, or a placeholder in its place. */
  serial: Name,
  uuid: Name,
  /** `Server`, `Laptop`, ...: SMBIOS's word. */
  chassis: Name,
  board: Name,
});

export const Virtualisation = z.object({
  kind: z.enum(['none', 'vm', 'container', 'unknown']),
  /** systemd-detect-virt's word: `kvm`, `vmware`, `docker`, `systemd-nspawn`; empty with `none`. */
  system: Name,
  /** What says so: `dmi vendor QEMU`. */
  hints: list(Line, 16),
});

export const Cpu = z.object({
  vendor: Name,
  model: Name,
  sockets: Count,
  cores: Count,
  /** What the kernel schedules on. */
  threads: Count,
  /** `0x49`; empty where the kernel does not say. */
  microcode: Name,
  /** What the kernel says of known flaws, by name: `Mitigation: PTI`. */
  vulnerabilities: byName(Line, 128),
});

export const Memory = z.object({
  totalBytes: Count,
  /** Rounded, see agent/inventory/steady.ts. Null where the kernel does not say. */
  availableBytes: Count.nullable(),
  swapBytes: Count,
});

/** Block devices, as a whole; partitions and what is stacked on them are not in it. */
export const Disks = list(
  z.object({
    /** `sda`, `nvme0n1` */
    name: Name,
    bytes: Count,
    model: Name,
    serial: Name,
    /** Null where the kernel does not say. */
    rotational: z.boolean().nullable(),
    removable: z.boolean(),
  }),
  1_024,
);

/** File systems that can be full. */
export const Mounts = list(
  z.object({
    mount: Line,
    source: Line,
    type: Name,
    readOnly: z.boolean(),
    /** For those without privileges; rounded, see agent/inventory/steady.ts. */
    freeBytes: Count,
    totalBytes: Count,
  }),
  1_024,
);

export const Reboot = z.object({
  required: z.boolean(),
  reasons: list(z.object({ source: Name, message: Line }), 1_024),
  /** What runs code of replaced files, by unit (or process where there is none). */
  stale: list(z.object({ unit: Name, processes: list(Line, 64), files: list(Line, 64) }), 256),
});
