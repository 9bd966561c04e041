import { type ComponentRef, compareText, type LandscapeContent, refText } from './landscape.ts';

/** A component that does not do its work while another one stands still. */
export interface Affected {
  component: string;
  host: string;
  application: string | null;
  /** What it needs, of that which stands still: `orders-web@web01`. */
  because: string;
  kind: 'uses' | 'runs-on' | 'part-of';
  /** 1 for what needs it itself, 2 for what needs that, and so on. */
  distance: number;
  /** The cluster whose other members can do the work meanwhile; null where nobody can. */
  coveredBy: string | null;
}

export interface Impact {
  affected: Affected[];
  /** With their service levels, where they are known. */
  applications: { name: string; owner: string | null; availability: number | null; penaltyClass: string | null }[];
}

/**
 * What stands still with these components, nearest first. A dependency on a member of a cluster that has the component on
 * another member too is covered, and ends there: what is behind it goes on.
 */
export function impactOf(landscape: LandscapeContent, stopped: readonly ComponentRef[]): Impact {
  const dependents = Map.groupBy(landscape.dependencies ?? [], ({ to }) => refText(to));
  const byRef = new Map(landscape.components.map(component => [refText(component), component]));
  const clusterOf = new Map(
    landscape.clusters.flatMap(cluster => cluster.members.map(member => [member, cluster] as const)),
  );
  const covering = ({ host, name }: ComponentRef): string | null => {
    const cluster = clusterOf.get(host);
    const others = cluster?.members.filter(member => member !== host) ?? [];
    return others.some(member => byRef.has(refText({ host: member, name }))) ? (cluster?.name ?? null) : null;
  };
  const seen = new Set(stopped.map(refText));
  const affected: Affected[] = [];
  let front = [...stopped];
  for (let distance = 1; front.length > 0; distance++) {
    const next: ComponentRef[] = [];
    for (const to of front) {
      for (const { from, kind } of dependents.get(refText(to)) ?? []) {
        const [text, component] = [refText(from), byRef.get(refText(from))];
        if (seen.has(text) || !component) continue;
        seen.add(text);
        const coveredBy = covering(to);
        const { application } = component;
        affected.push({
          component: from.name,
          host: from.host,
          application,
          because: refText(to),
          kind,
          distance,
          coveredBy,
        });
        if (coveredBy === null) next.push(from);
      }
    }
    front = next;
  }
  const names = [
    ...stopped.map(ref => byRef.get(refText(ref))?.application),
    ...affected.map(({ application }) => application),
  ];
  const known = new Map((landscape.applications ?? []).map(application => [application.name, application]));
  return {
    affected: affected.sort(
      (a, b) => a.distance - b.distance || compareText(`${a.component}@${a.host}`, `${b.component}@${b.host}`),
    ),
    applications: [...new Set(names.filter(name => name != null))].sort(compareText).map(name => {
      const { owner = null, serviceLevel = null } = known.get(name) ?? {};
      return {
        name,
        owner,
        availability: serviceLevel?.availability ?? null,
        penaltyClass: serviceLevel?.penaltyClass ?? null,
      };
    }),
  };
}
