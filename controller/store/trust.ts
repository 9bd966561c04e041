import { AssertionFailed } from '@tidemark/shared/base/assert.ts';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { desc } from 'drizzle-orm';
import { trustRoots } from './schema.ts';
import type { Queries } from './store.ts';

/** The newest trust root. It was verified when it was stored; agents believe only their own. */
export async function currentTrustRoot(db: Queries): Promise<{ root: TrustRoot; envelope: Envelope } | null> {
  const [row] = await db.select().from(trustRoots).orderBy(desc(trustRoots.version)).limit(1);
  if (!row) return null;
  const envelope = parseEnvelope(Buffer.from(row.envelope, 'utf8'));
  const root = envelope.ok ? TrustRoot.safeParse(parseJson(Buffer.from(envelope.value.payload, 'base64'))) : null;
  if (!envelope.ok || !root?.success)
    throw new AssertionFailed(`the trust root version ${row.version} in the database is damaged`);
  return { root: root.data, envelope: envelope.value };
}
