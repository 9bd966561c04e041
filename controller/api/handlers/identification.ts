import { pathBytes, pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { identificationRoutes } from '../contract/identification.ts';
import { unwrap } from './answer.ts';

/** Which version of what is where. */
export function identificationHandlers({
  services: { identification },
}: ApiContext): Pick<Handlers, keyof typeof identificationRoutes> {
  return {
    identifyHost: async ({ params }) => {
      const found = await unwrap(identification.identify(params.name));
      return {
        ...found,
        packages: found.packages.map(product => ({
          ...product,
          exceptions: product.exceptions.map(each => ({ ...each, path: textOf(each.path) })),
          diverted: product.diverted.map(({ path, to }) => ({ path: textOf(path), to: textOf(to) })),
        })),
        strays: found.strays.map(stray => ({ ...stray, path: textOf(stray.path) })),
        edited: found.edited.map(textOf),
        permissions: found.permissions.map(each => ({ ...each, path: textOf(each.path) })),
      };
    },
    listVersions: ({ query }) => identification.versions(query.product),
    listOwners: async ({ query: { path, sha256 } }) => {
      const of = sha256 === undefined ? { path: pathBytes(path ?? '').toString('latin1') } : { sha256 };
      const owners = await identification.owners(of);
      return {
        owners: owners.map(owner => ({
          ...owner,
          path: textOf(owner.path),
          target: owner.target === null ? null : textOf(owner.target),
        })),
      };
    },
  };
}

const textOf = (path: string): string => pathText(Buffer.from(path, 'latin1'));
