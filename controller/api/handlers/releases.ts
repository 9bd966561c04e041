import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { releaseRoutes } from '../contract/releases.ts';
import { withUpload } from '../upload.ts';
import { found, unwrap } from './answer.ts';

/** Signatures and bundles. */
export function releaseHandlers({ services, uploads }: ApiContext): Pick<Handlers, keyof typeof releaseRoutes> {
  return {
    importSignature: ({ query, bytes, principal }) =>
      withUpload(bytes, query.digest, uploads, file =>
        unwrap(
          services.bundles.importRelease({
            file,
            name: query.name,
            ...(query.product === undefined ? {} : { product: query.product }),
            ...(query.version === undefined ? {} : { version: query.version }),
            by: principal.name,
          }),
        ),
      ),
    listSignatures: async () => ({
      signatures: (await services.bundles.releases()).map(({ artifact, fileCount, ...release }) => ({
        ...release,
        artifact: artifact.digest,
        bytes: artifact.bytes,
        files: fileCount,
      })),
    }),
    createBundle: ({ body, principal }) => {
      // The contract lets only digests through.
      const packages = body.packages.map(exact => ({ ...exact, sha256: exact.sha256 as Digest | null }));
      return unwrap(services.bundles.createBundle({ ...body, packages, by: principal.name }));
    },
    promoteBundle: ({ params, body, principal }) =>
      unwrap(services.bundles.promote({ name: params.name, to: body.to, by: principal.name })),
    listBundles: async () => ({ bundles: await services.bundles.list() }),
    getBundle: ({ params }) =>
      found(services.bundles.bundle(params.name), `bundle ${params.name}`, '"tidemark get bundles" lists them'),
  };
}
