import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { AccessError } from './errors.ts';

export type Role = 'viewer' | 'operator' | 'approver' | 'admin';

export interface TokenRecord {
  id: string;
  name: string;
  secretHash: Buffer;
  role: Role;
  createdAtMs: number;
  /** Null: never. */
  expiresAtMs: number | null;
  revokedAtMs: number | null;
}

/** Names stand in the audit log and in tables: no spaces, nothing that a terminal would act on. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const isUsable = (token: TokenRecord, nowMs: number): boolean =>
  token.revokedAtMs === null && (token.expiresAtMs === null || token.expiresAtMs > nowMs);

const isUsableAdmin = (token: TokenRecord, nowMs: number): boolean => token.role === 'admin' && isUsable(token, nowMs);

/** Why no such token may be made, or null. */
export function refuseNew(
  wanted: { name: string; expiresAtMs: number | null },
  existing: readonly TokenRecord[],
  nowMs: number,
): AccessError | null {
  if (!NAME.test(wanted.name))
    return {
      code: 'name-invalid',
      message: `${JSON.stringify(wanted.name)} cannot name a token: use letters, digits, ".", "_" and "-", at most 128`,
    };
  if (wanted.expiresAtMs !== null && wanted.expiresAtMs <= nowMs)
    return {
      code: 'expiry-passed',
      message: `the token for ${wanted.name} would expire before it is made: choose a time to come`,
    };
  const taken = existing.find(token => token.name === wanted.name);
  if (!taken) return null;
  const state = isUsable(taken, nowMs) ? 'has a token' : 'had a token';
  return {
    code: 'token-exists',
    message: `${wanted.name} ${state} (${taken.id}), and the audit log knows its holder by that name: choose another, such as ${freeName(wanted.name, existing)}`,
  };
}

/** The token to revoke, as it is; revoking a second time changes nothing. */
export function decideRevoke(
  id: string,
  existing: readonly TokenRecord[],
  nowMs: number,
): Result<TokenRecord, AccessError> {
  const token = existing.find(candidate => candidate.id === id);
  if (!token)
    return err({ code: 'token-unknown', message: `there is no token ${id}: list them to see which there are` });
  const others = existing.some(other => other.id !== id && isUsableAdmin(other, nowMs));
  if (isUsableAdmin(token, nowMs) && !others)
    return err({
      code: 'last-admin',
      message: `${token.name} has the last admin token: make another one first, or nobody can manage the controller`,
    });
  return ok(token);
}

/** What to call the admin token that has to be made since nobody could get in; null where somebody can. */
export function adminToMake(existing: readonly TokenRecord[], nowMs: number): string | null {
  if (existing.some(token => isUsableAdmin(token, nowMs))) return null;
  return freeName('admin', existing);
}

/** `name`, or `name-2`, `name-3`, ...: the first that no token had. */
function freeName(name: string, existing: readonly TokenRecord[]): string {
  const taken = new Set(existing.map(token => token.name));
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}
