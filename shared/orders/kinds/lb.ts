import { z } from 'zod';
import { ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** As HAProxy allows them; nothing that could end a command on its socket. */
const HaproxyName = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'must be letters, digits, "-", "_", "." or ":"');

const member = {
  balancer: z.literal('haproxy'),
  /** Its runtime socket on this host, with level admin. */
  socket: ServerPath,
  backend: HaproxyName,
  server: HaproxyName,
  /** Draining: for its sessions to end. Enabling: for it to be up. */
  waitMs: z.int().min(0),
};

export const lbKinds = {
  'lb/drain': {
    class: 'patch',
    idempotent: true,
    expectedMs: 10_000,
    args: z.strictObject({
      ...member,
      /** With sessions left when the time is over: fail, with the server as it was, or go on and cut them. */
      whenBusy: z.enum(['fail', 'go-on']),
    }),
  },
  'lb/enable': { class: 'patch', idempotent: true, expectedMs: 5_000, args: z.strictObject(member) },
} as const satisfies Record<string, StepKindSpec>;
