import type { Contents } from './contents.ts';
import { type HostView, SITE } from './evaluate.ts';
import type { ContentStore, KnownHost } from './ports.ts';
import { isSaid } from './shape.ts';

export interface ViewOptions {
  store: ContentStore;
  contents: Contents;
  /** Facts that are older are not relied on. */
  maxAgeMs: number;
  now: number;
}

/** Hosts with those of their sections that fields are of, read into `contents`. */
export async function viewHosts(
  hosts: readonly KnownHost[],
  fields: ReadonlySet<string>,
  { store, contents, maxAgeMs, now }: ViewOptions,
): Promise<HostView[]> {
  const kinds = [...fields].filter(field => !isSaid(field) && field !== 'groups' && field !== 'facts');
  const withSite = fields.has('facts');
  const fresh = hosts.filter(host => unknownOf(host, maxAgeMs, now) === null);
  const ids = fresh.flatMap(({ id }) => (id === null ? [] : [id]));
  const sections =
    kinds.length === 0 && !withSite
      ? new Map<string, Map<string, string>>()
      : await store.sections(ids, kinds, withSite);
  const digests = new Map<string, Set<string>>();
  for (const own of sections.values())
    for (const [kind, digest] of own) {
      const known = digests.get(kind) ?? new Set();
      digests.set(kind, known.add(digest));
    }
  for (const [kind, wanted] of digests) await contents.load(kind.startsWith(SITE) ? SITE : kind, wanted);
  return hosts.map(host => ({
    ...host,
    sections: (host.id === null ? null : sections.get(host.id)) ?? null,
    unknown: unknownOf(host, maxAgeMs, now),
  }));
}

function unknownOf({ id, observedAt }: KnownHost, maxAgeMs: number, now: number): string | null {
  if (id === null) return 'no agent of it is enrolled';
  if (observedAt === null) return 'its agent has reported no facts yet';
  if (now - observedAt > maxAgeMs)
    return `its facts are stale: the last are from ${new Date(observedAt).toISOString()}`;
  return null;
}
