import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { and, asc, desc, eq } from 'drizzle-orm';
import type { ProfileStore, SignedProfile } from '../verification/ports.ts';
import * as audit from './audit.ts';
import { scanProfiles, signedProfiles } from './schema.ts';
import type { Store } from './store.ts';

/** Profiles that people signed. */
export function createProfileStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): ProfileStore {
  const selected = () =>
    db
      .select({ signed: signedProfiles, profile: scanProfiles.profile })
      .from(signedProfiles)
      .innerJoin(scanProfiles, eq(scanProfiles.digest, signedProfiles.digest));
  const record = ({ signed, profile }: Awaited<ReturnType<typeof selected>>[number]): SignedProfile => ({
    profile: ScanProfile.parse(profile),
    digest: signed.digest as Digest,
    envelope: signed.envelope,
    createdBy: signed.createdBy,
    createdAt: signed.createdAt.getTime(),
  });
  return {
    signedProfiles: async () =>
      (await selected().orderBy(asc(signedProfiles.name), desc(signedProfiles.version))).map(record),

    signedProfile: async digest => {
      const [row] = await selected()
        .where(eq(signedProfiles.digest, digest))
        .orderBy(desc(signedProfiles.createdAt))
        .limit(1);
      return row ? record(row) : null;
    },

    addProfile: ({ profile, digest, envelope, createdBy }) =>
      transaction(async tx => {
        const { name, version } = profile;
        await tx.insert(scanProfiles).values({ digest, profile }).onConflictDoNothing();
        const values = { name, version, digest, envelope, createdBy };
        const added = await tx.insert(signedProfiles).values(values).onConflictDoNothing().returning();
        if (added.length === 0) {
          // Signed again, by somebody else perhaps: the newer signature is kept for the same content only.
          const again = await tx
            .update(signedProfiles)
            .set({ envelope, createdBy })
            .where(
              and(
                eq(signedProfiles.name, name),
                eq(signedProfiles.version, version),
                eq(signedProfiles.digest, digest),
              ),
            )
            .returning();
          if (again.length === 0) return false;
        }
        const entry = { actor: createdBy, action: 'scan-profile.signed', subject: `scan profile ${name}` };
        await audit.append(tx, { ...entry, detail: { version, digest, bytes: canonicalJson(profile).length } });
        return true;
      }),

    removeProfile: (name, version, by) =>
      transaction(async tx => {
        const removed = await tx
          .delete(signedProfiles)
          .where(and(eq(signedProfiles.name, name), eq(signedProfiles.version, version)))
          .returning();
        if (removed.length === 0) return false;
        const entry = { actor: by, action: 'scan-profile.removed', subject: `scan profile ${name}` };
        await audit.append(tx, { ...entry, detail: { version } });
        return true;
      }),
  };
}
