import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { z } from 'zod';
import { Instant, Name, Role } from './common.ts';
import { route } from './route.ts';

export const Health = z.object({ status: z.enum(['ok', 'starting', 'failing']), version: z.string() });
export type Health = z.input<typeof Health>;

export const ApiToken = z.object({
  id: z.string(),
  name: z.string(),
  role: Role,
  createdAt: Instant,
  expiresAt: Instant.nullable(),
  revokedAt: Instant.nullable(),
});
export type ApiToken = z.input<typeof ApiToken>;

export const TrustRootView = z.object({
  fleet: z.string(),
  version: z.int(),
  approvers: z.array(z.object({ name: z.string(), publicKey: z.string(), classes: z.array(z.string()) })),
  thresholds: z.object({ observe: z.int(), patch: z.int(), command: z.int() }),
  /** The signed file itself, as servers keep it. */
  envelope: Envelope,
});
export type TrustRootView = z.input<typeof TrustRootView>;

export const AuditEntry = z.object({
  id: z.int(),
  at: Instant,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  /** JSON text, as it was hashed. */
  detail: z.string(),
  hash: z.string(),
});
export type AuditEntry = z.input<typeof AuditEntry>;

export const AuditVerification = z.object({
  intact: z.boolean(),
  entries: z.int(),
  /** Hash of the last entry. */
  head: z.string().nullable(),
  /** The first entry that is not as it was written, and why. */
  problem: z.object({ id: z.int(), message: z.string() }).nullable(),
});
export type AuditVerification = z.input<typeof AuditVerification>;

export const Whoami = z.object({ name: z.string(), role: Role, fleet: z.string(), version: z.string() });
export type Whoami = z.input<typeof Whoami>;

export const accessRoutes = {
  health: route({
    method: 'GET',
    path: '/health',
    role: 'anyone',
    tag: 'system',
    summary: 'Whether the controller is up',
    reply: Health,
  }),
  whoami: route({
    method: 'GET',
    path: '/whoami',
    role: 'viewer',
    tag: 'access',
    summary: 'Whose token this is and what it may do',
    reply: Whoami,
  }),
  createApiToken: route({
    method: 'POST',
    path: '/tokens',
    role: 'admin',
    tag: 'access',
    summary: 'A token for a person or a program; its secret is shown this once',
    body: z.strictObject({ name: Name, role: Role, expiresAt: Instant.nullable().default(null) }),
    status: 201,
    reply: z.object({ id: z.string(), name: z.string(), role: Role, expiresAt: Instant.nullable(), token: z.string() }),
  }),
  listApiTokens: route({
    method: 'GET',
    path: '/tokens',
    role: 'admin',
    tag: 'access',
    summary: 'Tokens, without their secrets',
    reply: z.object({ tokens: z.array(ApiToken) }),
  }),
  revokeApiToken: route({
    method: 'DELETE',
    path: '/tokens/:id',
    role: 'admin',
    tag: 'access',
    summary: 'Makes a token worthless',
    params: z.strictObject({ id: z.string().min(1).max(128) }),
    reply: ApiToken,
  }),
  setTrustRoot: route({
    method: 'POST',
    path: '/trust-root',
    role: 'admin',
    tag: 'access',
    summary: 'Takes the first trust root, or the successor of the one that is there (DSSE)',
    body: Envelope,
    status: 201,
    reply: TrustRootView,
  }),
  getTrustRoot: route({
    method: 'GET',
    path: '/trust-root',
    role: 'viewer',
    tag: 'access',
    summary: 'Whose approvals count',
    reply: TrustRootView,
  }),
  listAudit: route({
    method: 'GET',
    path: '/audit',
    role: 'viewer',
    tag: 'access',
    summary: 'Who did what, oldest first',
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
    reply: z.object({ entries: z.array(AuditEntry), next: z.int() }),
  }),
  verifyAudit: route({
    method: 'GET',
    path: '/audit/verification',
    role: 'viewer',
    tag: 'access',
    summary: 'Recomputes the chain of the audit log from its first entry',
    reply: AuditVerification,
  }),
};
