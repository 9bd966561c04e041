import type { z } from 'zod';
import * as agent from './kinds/agent.ts';
import * as machine from './kinds/machine.ts';
import * as network from './kinds/network.ts';
import * as software from './kinds/software.ts';

/**
 * The sections of an inventory by kind, and what is in each. A section is whole: it is there as it was found, or it is
 * absent and `errors` may say why.
 */
export const SECTIONS = {
  bootId: agent.BootId,
  certificates: software.Certificates,
  clusterSoftware: software.ClusterSoftware,
  containers: software.Containers,
  cpu: machine.Cpu,
  cronJobs: software.CronJobs,
  disks: machine.Disks,
  errors: agent.Errors,
  failedUnits: software.FailedUnits,
  firmware: machine.Firmware,
  hardware: machine.Hardware,
  holds: agent.Holds,
  hostname: agent.HostName,
  interfaces: network.Interfaces,
  kernel: machine.Kernel,
  libraries: software.Libraries,
  memory: machine.Memory,
  mounts: machine.Mounts,
  os: machine.Os,
  packages: software.Packages,
  peers: network.Peers,
  reboot: machine.Reboot,
  releases: software.Releases,
  sealingKey: agent.SealingKey,
  secretKey: agent.SecretKey,
  services: software.Services,
  sockets: network.Sockets,
  timers: software.Timers,
  updates: software.Updates,
  users: software.Users,
  virtualisation: machine.Virtualisation,
} as const satisfies Record<string, z.ZodType>;

export type SectionKind = keyof typeof SECTIONS;
/** What is in a section. */
export type SectionContent<K extends SectionKind> = z.infer<(typeof SECTIONS)[K]>;

export const SECTION_KINDS = Object.keys(SECTIONS) as SectionKind[];

export const isSectionKind = (name: string): name is SectionKind => Object.hasOwn(SECTIONS, name);

/** A section of a kind that is not above is what a program of the site printed: any JSON, by the program's name. */
export const SITE_FACT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
