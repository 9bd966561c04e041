import type { Role } from './contract/common.ts';

/** The holder of every role may read. Nobody but `admin` has two of the others: who plans does not approve. */
const GRANTS: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer'],
  operator: ['viewer', 'operator'],
  approver: ['viewer', 'approver'],
  admin: ['viewer', 'operator', 'approver', 'admin'],
};

/** Whether a token of role `have` may call a route that needs `need`. */
export const grants = (have: Role, need: Role): boolean => GRANTS[have].includes(need);

/** What the header `Authorization` carries, or null where it is no bearer token. */
export function bearerToken(header: string | undefined): string | null {
  const match = /^Bearer ([A-Za-z0-9._~+/=-]{8,512})$/i.exec(header ?? '');
  return match?.[1] ?? null;
}
