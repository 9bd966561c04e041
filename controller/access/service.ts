import { randomBytes } from 'node:crypto';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { adminToMake, decideRevoke, isUsable, type Role, refuseNew, type TokenRecord } from './decide.ts';
import type { AccessError } from './errors.ts';
import type { AccessStore, AccessTransaction } from './ports.ts';
import { encodeApiToken, hashSecret, ID_BYTES, isSecret, parseApiToken, SECRET_BYTES } from './token.ts';

/** A token as it may be shown: without its secret. Times in milliseconds since the epoch. */
export interface ShownToken {
  id: string;
  name: string;
  role: Role;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
}

/** Compared with where no record is found, so that an unknown id takes as long as a wrong secret. */
const NO_HASH = Buffer.alloc(32);

export function createAccess({
  store,
  clock,
  random = randomBytes,
}: {
  store: AccessStore;
  clock: Clock;
  random?: (bytes: number) => Buffer;
}) {
  async function make(
    transaction: AccessTransaction,
    wanted: { name: string; role: Role; expiresAtMs: number | null; by: string },
  ): Promise<{ record: TokenRecord; token: string }> {
    const id = random(ID_BYTES).toString('hex');
    const secret = random(SECRET_BYTES);
    const { by, ...rest } = wanted;
    const record = { ...rest, id, secretHash: hashSecret(secret), createdAtMs: clock.now(), revokedAtMs: null };
    await transaction.add(record);
    await transaction.audit({
      actor: by,
      action: 'token.created',
      subject: `token ${wanted.name}`,
      detail: { id, role: wanted.role, expiresAt: wanted.expiresAtMs },
    });
    return { record, token: encodeApiToken({ id, secret }) };
  }

  return {
    /** Who holds a token; null for any that is unknown, wrong, expired or revoked. */
    async authorise(text: string): Promise<{ id: string; name: string; role: Role } | null> {
      const token = parseApiToken(text);
      if (!token) return null;
      const record = await store.token(token.id);
      const right = isSecret(token.secret, record?.secretHash ?? NO_HASH);
      if (!record || !right || !isUsable(record, clock.now())) return null;
      return { id: record.id, name: record.name, role: record.role };
    },

    /** Makes a token. Its text is in the answer and nowhere else. */
    createToken: (input: {
      name: string;
      role: Role;
      expiresAt: number | null;
      by: string;
    }): Promise<
      Result<{ id: string; name: string; role: Role; expiresAt: number | null; token: string }, AccessError>
    > =>
      store.transaction(async transaction => {
        const { expiresAt: expiresAtMs, ...wanted } = input;
        const refusal = refuseNew({ name: input.name, expiresAtMs }, await transaction.tokensLocked(), clock.now());
        if (refusal) return err(refusal);
        const { record, token } = await make(transaction, { ...wanted, expiresAtMs });
        return ok({ id: record.id, name: record.name, role: record.role, expiresAt: record.expiresAtMs, token });
      }),

    listTokens: async (): Promise<ShownToken[]> => (await store.tokens()).map(shown),

    revokeToken: ({ id, by }: { id: string; by: string }): Promise<Result<ShownToken, AccessError>> =>
      store.transaction(async transaction => {
        const now = clock.now();
        const decided = decideRevoke(id, await transaction.tokensLocked(), now);
        if (!decided.ok) return decided;
        const token = decided.value;
        if (token.revokedAtMs !== null) return ok(shown(token));
        await transaction.revoke(id, now);
        await transaction.audit({ actor: by, action: 'token.revoked', subject: `token ${token.name}`, detail: { id } });
        return ok(shown({ ...token, revokedAtMs: now }));
      }),

    /**
     * Makes an admin token where nobody could get in as one. `save` gets it before it counts: where saving fails no
     * token was made, and one that was saved for nothing is replaced at the next start. True where one was made.
     */
    ensureAdmin: (save: (token: string) => Promise<void>): Promise<boolean> =>
      store.transaction(async transaction => {
        const name = adminToMake(await transaction.tokensLocked(), clock.now());
        if (name === null) return false;
        const { token } = await make(transaction, { name, role: 'admin', expiresAtMs: null, by: 'controller' });
        await save(token);
        return true;
      }),
  };
}

const shown = (token: TokenRecord): ShownToken => ({
  id: token.id,
  name: token.name,
  role: token.role,
  createdAt: token.createdAtMs,
  expiresAt: token.expiresAtMs,
  revokedAt: token.revokedAtMs,
});
