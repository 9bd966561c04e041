import type { Digest } from '@tidemark/shared/base/digest.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { signatureRoutes } from '../contract/signatures.ts';
import { ApiError } from '../errors.ts';
import type { KnownSignature } from '../services.ts';
import { withUpload } from '../upload.ts';
import { found, unwrap } from './answer.ts';

/** What is known from packages, and whose signatures on them count. */
export function signatureHandlers({ services, uploads }: ApiContext): Pick<Handlers, keyof typeof signatureRoutes> {
  const { signatures } = services;
  return {
    importPackage: ({ query, bytes, principal }) => {
      const envelope = query.statement === undefined ? null : statementOf(query.statement);
      return withUpload(bytes, query.digest, uploads, async (file, length) => {
        const said = {
          product: query.product ?? null,
          version: query.version ?? null,
          architecture: query.architecture ?? null,
          at: query.at ?? null,
          directory: query.directory === 'true',
        };
        // The contract lets only digests through.
        const digest = query.digest as Digest;
        const { signature, unchanged } = await unwrap(
          signatures.importPackage({
            file,
            name: query.name,
            digest,
            bytes: length,
            said,
            envelope,
            by: principal.name,
          }),
        );
        return { signature: viewOf(signature), unchanged };
      });
    },
    listPackages: async () => ({ signatures: (await signatures.list()).map(viewOf) }),
    getPackage: async ({ params, query }) => {
      const { listed, ...signature } = await found(
        signatures.describe(params.id, query.from, query.limit),
        `signature ${params.id}`,
        '"tidemark get signatures" lists them',
      );
      return {
        ...viewOf(signature),
        listed: listed.map(file => ({
          ...file,
          path: pathText(Buffer.from(file.path, 'latin1')),
          target: file.target === null ? null : pathText(Buffer.from(file.target, 'latin1')),
        })),
      };
    },
    addVendorKeys: async ({ body, principal }) => ({
      keys: await unwrap(signatures.addKeys({ ...body, by: principal.name })),
    }),
    listVendorKeys: async () => ({ keys: await signatures.keys() }),
    removeVendorKey: ({ params, principal }) =>
      unwrap(signatures.removeKey({ fingerprint: params.fingerprint, by: principal.name })),
  };
}

function viewOf({ package: { digest, bytes }, attestations, ...signature }: KnownSignature) {
  return { ...signature, package: digest, bytes, attestations, tier: attestations[0]?.tier ?? ('host' as const) };
}

function statementOf(text: string): Envelope {
  const envelope = parseEnvelope(Buffer.from(text, 'base64url'));
  if (!envelope.ok)
    throw new ApiError(422, 'bad-statement', `what was signed for the package cannot be read: ${envelope.error}`);
  return envelope.value;
}
