import { hostname } from 'node:os';
import { collectUsers } from './accounts.ts';
import { collectCertificates } from './certificates.ts';
import { collectClusterSoftware } from './cluster-software.ts';
import { collectInterfaces } from './interfaces.ts';
import { collectCronJobs } from './jobs.ts';
import { collectLibraries } from './libraries.ts';
import { collectCpu, collectDisks, collectFirmware, collectHardware, collectVirtualisation } from './machine.ts';
import { rememberPeers } from './peers.ts';
import type { ServerFiles } from './server-files.ts';
import { collectSockets } from './sockets.ts';
import { readWishes } from './wishes.ts';

export interface FromFiles {
  files: ServerFiles;
  stateDir: string;
  wants: (...names: string[]) => boolean;
  errors: string[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** What files alone say. A kind that cannot be read as it should be is named in `errors`, and the others stand. */
export async function collectFromFiles(options: FromFiles): Promise<Record<string, unknown>> {
  const { files, stateDir, wants, errors, now } = options;
  const found: Record<string, unknown> = {};
  const attempt = (kind: string, look: () => unknown) => {
    if (!wants(kind)) return;
    try {
      found[kind] = look();
    } catch (error) {
      errors.push(`${kind}: ${(error as Error).message}`);
    }
  };
  attempt('firmware', () => collectFirmware(files));
  attempt('hardware', () => collectHardware(files));
  attempt('virtualisation', () => collectVirtualisation(files));
  attempt('cpu', () => collectCpu(files));
  attempt('disks', () => collectDisks(files));
  attempt('interfaces', () => collectInterfaces(files));
  attempt('users', () => collectUsers(files));
  attempt('cronJobs', () => collectCronJobs(files));
  attempt('clusterSoftware', () => {
    const addresses = collectInterfaces(files).flatMap(each => each.addresses);
    return collectClusterSoftware(files, { hostname: hostname(), addresses });
  });
  if (wants('sockets', 'peers')) {
    const { sockets, peers } = collectSockets(files);
    attempt('sockets', () => sockets);
    attempt('peers', () => rememberPeers(stateDir, peers, now));
  }
  const wishes = await readWishes(files);
  if (!wishes.ok) errors.push(wishes.error);
  else {
    const { certificates, libraries } = wishes.value;
    if (certificates.length > 0) attempt('certificates', () => collectCertificates(files, certificates, errors));
    if (libraries.length > 0) attempt('libraries', () => collectLibraries(files, libraries));
  }
  return found;
}
