import { z } from 'zod';
import { Argv, Name, NetworkHost, NetworkPort, ServerPath, UnitName } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** Patroni on this host: what runs it, and the file that `patronictl` finds the others by. */
const patroni = { manager: z.literal('patroni'), unit: UnitName, configuration: ServerPath, member: Name };

/** What manages the membership of this host. */
export const ClusterMember = z.discriminatedUnion('manager', [
  z.strictObject({ manager: z.literal('pacemaker') }),
  z.strictObject({
    manager: z.literal('keepalived'),
    /** What must not be on this host once it has left. */
    addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(100),
  }),
  z.strictObject(patroni),
  z.strictObject({
    manager: z.literal('command'),
    leave: Argv,
    /** Exit status 0 once it has left. */
    left: Argv,
    join: Argv,
    /** Exit status 0 once it takes part again. */
    joined: Argv,
  }),
]);
export type ClusterMember = z.infer<typeof ClusterMember>;

const MembershipArgs = z.strictObject({ cluster: Name, member: ClusterMember, waitMs: z.int().min(0) });

/** Ways to give the active role away. */
export const HandoverArgs = z.union([
  z.strictObject({
    cluster: Name,
    /** Gives the active role to the peer; runs on the member that has it. */
    command: Argv,
    /** Exit status 0 once this member is not active any more. */
    confirm: Argv,
    waitMs: z.int().min(0),
  }),
  /** Patroni's own switch-over, and only to a member that has everything. */
  z.strictObject({
    cluster: Name,
    ...patroni,
    /** Null: whichever member Patroni takes. */
    candidate: Name.nullable(),
    waitMs: z.int().min(0),
  }),
  /**
   * Two PostgreSQL servers in streaming replication and nothing that manages them: this one stops, the peer has everything
   * and is promoted, this one follows it.
   */
  z.strictObject({
    cluster: Name,
    manager: z.literal('postgresql'),
    /** Runs the server on this host. */
    unit: UnitName,
    /** Of the server on this host. */
    dataDirectory: ServerPath,
    socket: ServerPath,
    port: NetworkPort,
    /** Owner of the server on this host, who connects to it by the socket. */
    systemUser: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
    peer: NetworkHost,
    peerPort: NetworkPort,
    /** At the peer: may promote it and stream from it; its password is in the `.pgpass` of the system user. */
    user: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/),
    waitMs: z.int().min(0),
  }),
]);
export type HandoverArgs = z.infer<typeof HandoverArgs>;

export const clusterKinds = {
  'cluster/handover': { class: 'command', idempotent: false, expectedMs: 3_000, args: HandoverArgs },
  /** Nothing of the cluster runs on this host any more, and it takes nothing over until it joins. */
  'cluster/leave': { class: 'patch', idempotent: true, expectedMs: 15_000, args: MembershipArgs },
  'cluster/join': { class: 'patch', idempotent: true, expectedMs: 10_000, args: MembershipArgs },
} as const satisfies Record<string, StepKindSpec>;
