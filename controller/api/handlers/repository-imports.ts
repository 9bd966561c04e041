import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { repositoryImportRoutes } from '../contract/repository-imports.ts';
import type { OutputOf } from '../contract/routes.ts';
import type { RepositoryImportState } from '../services.ts';
import { withUpload } from '../upload.ts';
import { found, unwrap } from './answer.ts';

/** Imports of repositories that go on. */
export function repositoryImportHandlers({
  services,
  uploads,
  sleep,
}: ApiContext): Pick<Handlers, keyof typeof repositoryImportRoutes> {
  const { imports } = services;
  const there = (id: string, answer: Promise<RepositoryImportState | null>) =>
    found(
      answer,
      `import ${id}`,
      'it was ended, or the controller began anew; import again, what was read is not read again',
    );
  return {
    beginRepositoryImport: async ({ body: { from, ...request }, principal }) => {
      const url = from.by === 'address' ? from.url : null;
      const place = from.by === 'address' ? from.url.replace(/\/+$/, '') : from.name;
      const name = [place, request.suite].filter(part => part !== '').join(' ');
      return viewOf(await unwrap(imports.begin({ ...request, url, name, by: principal.name })));
    },
    getRepositoryImport: async ({ params, query, gone }) =>
      viewOf(
        await there(
          params.id,
          imports.look(params.id, query.since, woken => sleep(query.wait * 1_000, AbortSignal.any([woken, gone]))),
        ),
      ),
    giveRepositoryFile: async ({ params, query, bytes }) => {
      // The contract lets only digests through.
      const digest = query.digest as Digest;
      const given = imports.give(params.id, query.path, use =>
        withUpload(bytes, digest, uploads, (file, length) =>
          use(query.missing === 'true' ? null : { file, bytes: length, digest }),
        ),
      );
      return viewOf(await unwrap(given));
    },
    endRepositoryImport: async ({ params }) => viewOf(await there(params.id, imports.end(params.id))),
  };
}

function viewOf({ outcome, ...state }: RepositoryImportState): OutputOf<'getRepositoryImport'> {
  const imported = outcome?.ok ? outcome.value : null;
  const refused = outcome && !outcome.ok ? outcome.error : null;
  return { ...state, imported, refused };
}
