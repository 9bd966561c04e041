import type { ApiContext, Handlers } from '../context.ts';
import { type landscapeRoutes, SHOWN_ENTRIES } from '../contract/landscape.ts';
import type { landscapeSourceRoutes } from '../contract/landscape-sources.ts';
import type { OutputOf } from '../contract/routes.ts';
import type { Imported } from '../services.ts';
import { found, unwrap } from './answer.ts';

/** What is where, and where that is read from. */
export function landscapeHandlers({
  services: { landscape, landscapeSources },
}: ApiContext): Pick<Handlers, keyof typeof landscapeRoutes | keyof typeof landscapeSourceRoutes> {
  return {
    importLandscape: async ({ body, principal }) =>
      importedReply(await unwrap(landscape.importLandscape({ ...body, by: principal.name })), body.preview),
    getLandscape: ({ query: { version } }) =>
      version === undefined
        ? found(landscape.current(), 'landscape yet', 'import one with "tidemark landscape import FILE"')
        : found(
            landscape.version(version),
            `version ${version}`,
            '"tidemark landscape versions" lists those there are',
          ),
    listLandscapeVersions: async () => ({ versions: await landscape.versions() }),
    diffLandscape: async ({ query: { from, to } }) => ({ changes: await unwrap(landscape.diff(from, to)) }),
    listLandscapeConflicts: async () => ({ conflicts: await landscape.conflicts() }),
    listComponents: async () => ({ components: (await landscape.current())?.components ?? [] }),
    listClusters: async () => ({ clusters: (await landscape.current())?.clusters ?? [] }),
    listLandscapeSources: async () => ({ sources: await landscapeSources.list() }),
    setLandscapeSource: ({ body, principal }) => unwrap(landscapeSources.put({ ...body, by: principal.name })),
    removeLandscapeSource: async ({ params: { name }, principal }) => {
      await unwrap(landscapeSources.remove({ name, by: principal.name }));
      return { name };
    },
    importLandscapeSource: async ({ params: { name }, body, principal }) =>
      importedReply(await unwrap(landscapeSources.import({ name, ...body, by: principal.name })), body.preview),
    listLandscapeImports: async ({ query: { source } }) => ({ imports: await landscape.imports(source ?? null) }),
  };
}

export function importedReply(
  { changes, conflicts, matches, ...imported }: Imported,
  preview: boolean,
): OutputOf<'importLandscape'> {
  const count = (kind: Imported['changes'][number]['change']) => changes.filter(({ change }) => change === kind).length;
  return {
    ...imported,
    preview,
    changed: { added: count('added'), removed: count('removed'), changed: count('changed') },
    changes: changes.slice(0, SHOWN_ENTRIES),
    conflictCount: conflicts.length,
    conflicts: conflicts.slice(0, SHOWN_ENTRIES),
    // Most of a second source are of the same name.
    matches: matches.filter(({ reason }) => reason !== 'same name').slice(0, SHOWN_ENTRIES),
  };
}
