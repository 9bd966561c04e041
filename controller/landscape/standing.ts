import type { LandscapeContent, OsSupport } from './landscape.ts';

/** Something that has to be in force for a host, and until when it is. */
export interface Standing {
  kind: 'licence' | 'maintenance' | 'os-support';
  /** The product or the release that it is about. */
  about: string;
  /** The end of its last day, milliseconds since the epoch; null where there is none, or none that is known. */
  ends: number | null;
  text: string;
}

/** What a host runs, as its agent says: `{id: "debian", version: "12.9", release: "12"}`. Null where it has said nothing. */
export interface KnownOs {
  id: string;
  version: string;
}

const DAY_MS = 86_400_000;

/**
 * Contracts and support of each host: one entry for each of its products and kind of contract, and one for its system.
 * `support`: what is known of systems beside what the landscape says, which counts more.
 */
export function standingsOf(
  landscape: LandscapeContent,
  osOf: (host: string) => KnownOs | null,
  support: readonly OsSupport[],
): Map<string, Standing[]> {
  const releases = new Map(
    [...support, ...(landscape.osSupport ?? [])].map(each => [`${each.os} ${each.release}`.toLowerCase(), each]),
  );
  const products = Map.groupBy(landscape.components, ({ host }) => host);
  const contracts = contractsBy(landscape);
  return new Map(
    landscape.hosts.map(({ name }) => {
      const own = new Set((products.get(name) ?? []).flatMap(({ product }) => product ?? []));
      const entries = [...own].sort().flatMap(product =>
        (['licence', 'maintenance'] as const).map((kind): Standing => {
          const found = contracts(kind, name, product);
          const ends = found.length === 0 ? null : Math.max(...found.map(each => endOf(each.ends)));
          const text =
            ends === null
              ? `there is no ${kind} contract for ${product}`
              : `its ${kind} contract for ${product} ends on ${dayOf(ends)}`;
          return { kind, about: product, ends, text };
        }),
      );
      return [name, [...entries, osStanding(osOf(name), releases)]] as const;
    }),
  );
}

/** A contract without a host is for every host with the product, one without a product for every product on its host. */
function contractsBy({ contracts = [] }: LandscapeContent) {
  const byKey = Map.groupBy(contracts, ({ kind, product, host }) => `${kind}\0${product ?? ''}\0${host ?? ''}`);
  return (kind: string, host: string, product: string) =>
    [`${kind}\0${product}\0`, `${kind}\0${product}\0${host}`, `${kind}\0\0${host}`].flatMap(
      key => byKey.get(key) ?? [],
    );
}

function osStanding(os: KnownOs | null, releases: ReadonlyMap<string, OsSupport>): Standing {
  const kind = 'os-support';
  if (os === null)
    return { kind, about: 'its system', ends: null, text: 'its agent has not said which system it runs' };
  const about = `${os.id} ${os.version}`;
  // The release that is supported may be named by more or fewer parts than the one that runs.
  const parts = os.version.split('.');
  const names = parts.map((_, index) => `${os.id} ${parts.slice(0, parts.length - index).join('.')}`.toLowerCase());
  const known = names.map(name => releases.get(name)).find(found => found !== undefined);
  if (!known)
    return { kind, about, ends: null, text: `until when ${about} is supported is not known: import it as osSupport` };
  return {
    kind,
    about,
    ends: endOf(known.ends),
    text: `${known.os} ${known.release} is supported until ${known.ends} (${known.source})`,
  };
}

const endOf = (day: string): number => Date.parse(`${day}T00:00:00Z`) + DAY_MS;
const dayOf = (end: number): string => new Date(end - DAY_MS).toISOString().slice(0, 10);
