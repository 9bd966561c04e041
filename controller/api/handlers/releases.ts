import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { releaseRoutes } from '../contract/releases.ts';
import { notFound } from '../errors.ts';
import { withUpload } from '../upload.ts';
import { found, unwrap } from './answer.ts';

/** Signatures and bundles. */
export function releaseHandlers({ services, uploads }: ApiContext): Pick<Handlers, keyof typeof releaseRoutes> {
  const { bundles } = services;
  return {
    importSignature: ({ query, bytes, principal }) =>
      withUpload(bytes, query.digest, uploads, file =>
        unwrap(
          bundles.importRelease({
            file,
            name: query.name,
            ...(query.product === undefined ? {} : { product: query.product }),
            ...(query.version === undefined ? {} : { version: query.version }),
            by: principal.name,
          }),
        ),
      ),
    listSignatures: async () => ({
      signatures: (await bundles.releases()).map(({ artifact, fileCount, ...release }) => ({
        ...release,
        artifact: artifact.digest,
        bytes: artifact.bytes,
        files: fileCount,
      })),
    }),
    createBundle: ({ body, principal }) => {
      // The contract lets only digests through.
      const packages = body.packages.map(({ source, advisories, ...exact }) => ({
        ...{ ...exact, sha256: exact.sha256 as Digest | null },
        ...(source === undefined ? {} : { source }),
        ...(advisories === undefined ? {} : { advisories }),
      }));
      const { name, releases, advisories, manifest } = body;
      const said = { name, releases, packages, advisories, ring: body.ring ?? null, by: principal.name };
      return unwrap(bundles.createBundle({ ...said, ...(manifest === undefined ? {} : { manifest }) }));
    },
    promoteBundle: ({ params, body, principal }) =>
      unwrap(bundles.promote({ ...params, to: body.to, expedite: body.expedite ?? null, by: principal.name })),
    holdBundle: ({ params, body, principal }) => unwrap(bundles.hold({ ...params, ...body, by: principal.name })),
    releaseBundle: ({ params, body, principal }) => unwrap(bundles.release({ ...params, ...body, by: principal.name })),
    withdrawBundle: ({ params, body, principal }) =>
      unwrap(bundles.withdraw({ ...params, ...body, by: principal.name })),
    signOffBundle: ({ params, body, principal }) =>
      unwrap(bundles.signOff({ ...params, envelope: body, by: principal.name })),
    getBundleOutlook: ({ params }) => found(bundles.outlook(params.name), `bundle ${params.name}`, WHERE),
    listRings: async () => ({ rings: await bundles.rings() }),
    setRings: async ({ body, principal }) => ({
      rings: await unwrap(bundles.setRings({ ...body, by: principal.name })),
    }),
    listBundles: async () => ({ bundles: await bundles.list() }),
    getRollout: async ({ query }) => {
      const names = (query.bundles ?? '').split(',').filter(name => name !== '');
      const rollout = await services.rollout(names);
      if ('unknown' in rollout) throw notFound(`bundle ${rollout.unknown}`, WHERE);
      return rollout;
    },
    getBundle: ({ params }) => found(bundles.bundle(params.name), `bundle ${params.name}`, WHERE),
  };
}

const WHERE = '"tidemark get bundles" lists them';
