import { z } from 'zod';
import { Argv, Name } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

const MembershipArgs = z.strictObject({
  cluster: Name,
  member: z.discriminatedUnion('manager', [
    z.strictObject({ manager: z.literal('pacemaker') }),
    z.strictObject({
      manager: z.literal('keepalived'),
      /** What must not be on this host once it has left. */
      addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(100),
    }),
  ]),
  waitMs: z.int().min(0),
});

export const clusterKinds = {
  'cluster/handover': {
    class: 'command',
    idempotent: false,
    expectedMs: 3_000,
    args: z.strictObject({
      cluster: Name,
      /** Gives the active role to the peer; runs on the member that has it. */
      command: Argv,
      /** Exit status 0 once this member is not active any more. */
      confirm: Argv,
      waitMs: z.int().min(0),
    }),
  },
  /** Nothing of the cluster runs on this host any more, and it takes nothing over until it joins. */
  'cluster/leave': { class: 'patch', idempotent: true, expectedMs: 15_000, args: MembershipArgs },
  'cluster/join': { class: 'patch', idempotent: true, expectedMs: 10_000, args: MembershipArgs },
} as const satisfies Record<string, StepKindSpec>;
