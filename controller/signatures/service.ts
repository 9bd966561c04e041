import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { verifyPackage } from '@tidemark/shared/signing/package.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import { attest } from './decide.ts';
import type { SignatureError, SignatureErrorCode } from './errors.ts';
import { listOf } from './listed.ts';
import type { PackageReader, ProductSignature, SaidOfPackage, SignatureStore, VendorKey } from './ports.ts';

export interface PackageImport {
  file: string;
  /** What it was called where it came from. */
  name: string;
  digest: Digest;
  bytes: number;
  said: SaidOfPackage;
  /** A statement of approvers about it. */
  envelope: Envelope | null;
  by: string;
}

export interface SignatureOptions {
  store: SignatureStore;
  reader: PackageReader;
  trustRoot: () => Promise<TrustRoot | null>;
  clock: Clock;
}

export function createSignatures({ store, reader, trustRoot, clock }: SignatureOptions) {
  const known = async (id: number): Promise<ProductSignature> => {
    const found = await store.signature(id);
    if (!found) throw new Error(`signature ${id} was removed while it was added`);
    return found;
  };
  return {
    /**
     * Learns the files of a package and keeps them, all or nothing; the package itself is not kept. The same package again
     * changes nothing, but that somebody else may vouch for it now.
     */
    async importPackage(
      input: PackageImport,
    ): Promise<Result<{ signature: ProductSignature; unchanged: boolean }, SignatureError>> {
      const statement = await checkedStatement(input, trustRoot);
      if (!statement.ok) return statement;
      const keys = await store.keys();
      const { file, name, bytes, said } = input;
      const read = await reader.package({ file, name, bytes, said, keys: keys.map(({ armored }) => armored) });
      if (!read.ok) return refuse('bad-package', `${name}: ${read.error}; nothing of it was kept`);
      const files = listOf(read.value);
      if (!files)
        return refuse('bad-package', `${name}: what was read of it is no list of files; nothing of it was kept`);
      const attestations = attest({
        name,
        read: read.value,
        keys,
        statement: statement.value,
        repository: null,
      });
      if (!attestations.ok) return attestations;
      const { list, signedBy: _, signatureProblem: __, ...found } = read.value;
      const { id, fresh } = await store.transaction(async transaction => {
        const signature = {
          ...found,
          package: { digest: input.digest, bytes },
          attestations: attestations.value,
          importedBy: input.by,
          importedAt: clock.now(),
        };
        const added = await transaction.add(signature, list, files);
        if (added.fresh) {
          await transaction.audit({
            actor: input.by,
            action: 'signature.learned',
            subject: `${found.product} ${found.version}`,
            detail: {
              source: found.source,
              package: input.digest,
              files: files.length,
              tier: attestations.value[0]?.tier ?? '',
              vouchedFor: attestations.value.map(({ by }) => by).join(', '),
            },
          });
        }
        return added;
      });
      return ok({ signature: await known(id), unchanged: !fresh });
    },

    list: (): Promise<ProductSignature[]> => store.signatures(),

    /** A signature with some of its files, in the order of their paths; null where there is none. */
    async describe(
      id: number,
      from: number,
      limit: number,
    ): Promise<(ProductSignature & { listed: ListedFile[] }) | null> {
      const signature = await store.signature(id);
      return signature && { ...signature, listed: (await store.filesOf(id)).slice(from, from + limit) };
    },

    /** Signatures that have a file of this content (64 hex digits), or a file or link at this path. */
    async owners(of: { sha256: string } | { path: string }): Promise<ProductSignature[]> {
      const ids = 'sha256' in of ? await store.ownersOfContent(of.sha256) : await store.ownersOfPath(of.path);
      return Promise.all(ids.map(known));
    },

    /** Takes the keys of an armored text: whatever they signed counts from now on. */
    async addKeys(input: {
      armored: string;
      tier: VendorKey['tier'];
      by: string;
    }): Promise<Result<VendorKey[], SignatureError>> {
      const read = await reader.keys(input.armored);
      if (!read.ok) return refuse('bad-key', read.error);
      const keys = read.value.map(({ fingerprint, name }) => ({
        fingerprint,
        name: name.replace(/\p{C}/gu, ' ').slice(0, 256),
        tier: input.tier,
        armored: input.armored,
        addedBy: input.by,
        addedAt: clock.now(),
      }));
      await store.transaction(async transaction => {
        for (const key of keys) {
          if (!(await transaction.addKey(key))) continue;
          const { fingerprint, name, tier } = key;
          await transaction.audit({
            actor: input.by,
            action: 'vendor-key.added',
            subject: fingerprint,
            detail: { name, tier },
          });
        }
      });
      return ok(keys);
    },

    /** What it signed stays known, as long as nobody removes that. */
    removeKey: ({ fingerprint, by }: { fingerprint: string; by: string }): Promise<Result<VendorKey, SignatureError>> =>
      store.transaction(async transaction => {
        const removed = await transaction.removeKey(fingerprint);
        if (!removed)
          return refuse(
            'key-unknown',
            `there is no key ${fingerprint}: "tidemark signatures key list" shows those there are`,
          );
        const { name, tier } = removed;
        await transaction.audit({
          actor: by,
          action: 'vendor-key.removed',
          subject: fingerprint,
          detail: { name, tier },
        });
        return ok(removed);
      }),

    keys: (): Promise<VendorKey[]> => store.keys(),
  };
}

type Statement = { signedBy: readonly string[]; envelope: string } | null;

/** What approvers say, where it is about this package and says what its importer says. */
async function checkedStatement(
  { envelope, name, digest, said }: PackageImport,
  trustRoot: () => Promise<TrustRoot | null>,
): Promise<Result<Statement, SignatureError>> {
  if (!envelope) return ok(null);
  const root = await trustRoot();
  if (!root)
    return refuse('no-trust-root', `${name}: nobody can vouch for it yet: there is no trust root (tidemark trust)`);
  const verified = verifyPackage(envelope, root);
  if (!verified.ok) return refuse('bad-statement', `${name}: what was signed for it does not count: ${verified.error}`);
  const { statement, signedBy } = verified.value;
  if (statement.digest !== digest)
    return refuse('bad-statement', `${name}: what was signed is about another package (${statement.digest})`);
  const differs = (['product', 'version', 'architecture', 'at'] as const).find(
    field => statement[field] !== said[field],
  );
  if (differs)
    return refuse('bad-statement', `${name}: what was signed says another ${differs} than what was asked for`);
  return ok({ signedBy, envelope: JSON.stringify(envelope) });
}

const refuse = (code: SignatureErrorCode, message: string) => err({ code, message });
