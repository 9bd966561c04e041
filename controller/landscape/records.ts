import type { z } from 'zod';
import {
  type Application,
  type ComponentRef,
  type Contract,
  compareText,
  type Dependency,
  type DependencyKind,
  type LandscapeComponent,
  type LandscapeContent,
  type LandscapeHost,
  type OsSupport,
} from './landscape.ts';
import type { LandscapeFile, Section, sections } from './schema.ts';

/** Where a record was written: `hosts.csv, line 12`, `netbox device 17`. Shown with everything that is said of it. */
export type Origin = string;

/** What one source says, before it is held against what others say. Order means nothing. */
export interface LandscapeRecords {
  /** Null where the source does not name them. */
  tiers: string[] | null;
  hosts: (LandscapeHost & { origin: Origin })[];
  components: ComponentRecord[];
  clusters: { name: string; members: string[]; origin: Origin }[];
  applications: (Application & { origin: Origin })[];
  contracts: (Contract & { origin: Origin })[];
  osSupport: (OsSupport & { origin: Origin })[];
  /** Beside those that components name themselves. `accepted`: by a person; of a component that went away it says nothing. */
  dependencies: (Dependency & { origin: Origin; accepted: boolean })[];
}

export interface ComponentRecord extends LandscapeComponent {
  origin: Origin;
  needs: { kind: DependencyKind; to: ComponentRef }[];
}

/** What a source gave last, whole. */
export interface Contribution {
  source: string;
  /** Where two sources contradict each other the higher one counts; of equals neither does. */
  priority: number;
  records: LandscapeRecords;
}

export const noRecords = (): LandscapeRecords => ({
  tiers: null,
  hosts: [],
  components: [],
  clusters: [],
  applications: [],
  contracts: [],
  osSupport: [],
  dependencies: [],
});

type Written<S extends Section> = z.output<(typeof sections)[S]>;

/** What is not said is filled in, lists lose what is there twice. */
export const recordOf: { [S in Section]: (records: LandscapeRecords, written: Written<S>, origin: Origin) => void } = {
  hosts: (records, written, origin) => {
    const { name, application, environment, tags, attributes, ids, addresses } = written;
    records.hosts.push({
      name,
      application: application ?? null,
      environment: environment ?? null,
      tags: sorted(tags),
      attributes,
      ...(Object.keys(ids).length > 0 ? { ids } : {}),
      ...(addresses.length > 0 ? { addresses: sorted(addresses) } : {}),
      origin,
    });
  },
  components: (records, written, origin) => {
    const product = written.product ?? null;
    records.components.push({
      name: written.name,
      host: written.host,
      application: written.application ?? null,
      tier: written.tier ?? null,
      kind: written.kind,
      product,
      home: product === null ? null : (written.home ?? `/opt/${product}`).replace(/\/+$/, ''),
      ...(written.package ? { package: written.package } : {}),
      service: written.service ?? null,
      health: written.health ? { ...written.health, text: written.health.text ?? null } : null,
      perHostConfig: sorted(written.perHostConfig),
      needs: [
        ...written.uses.map(text => ({ kind: 'uses' as const, to: parseRef(text) })),
        ...written.runsOn.map(text => ({ kind: 'runs-on' as const, to: parseRef(text) })),
        ...written.partOf.map(text => ({ kind: 'part-of' as const, to: parseRef(text) })),
      ],
      origin,
    });
  },
  clusters: (records, { name, members }, origin) => {
    records.clusters.push({ name, members: [...members].sort(), origin });
  },
  applications: (records, { name, owner, serviceLevel: level }, origin) => {
    const { availability = null, hours = null, penaltyClass = null } = level ?? {};
    const serviceLevel = level ? { availability, hours, penaltyClass } : null;
    records.applications.push({ name, owner: owner ?? null, serviceLevel, origin });
  },
  contracts: (records, { kind, product, host, vendor, number, ends }, origin) => {
    const about = { product: product ?? null, host: host ?? null };
    records.contracts.push({ kind, ...about, vendor: vendor ?? null, number: number ?? null, ends, origin });
  },
  osSupport: (records, written, origin) => {
    records.osSupport.push({ ...written, origin });
  },
};

/** The records of a whole file. `originOf` says where an entry stands in it. */
export function recordsOf(
  file: LandscapeFile,
  originOf: (section: Section, index: number) => Origin,
): LandscapeRecords {
  const records: LandscapeRecords = { ...noRecords(), tiers: file.tiers ?? null };
  const take = <S extends Section>(section: S) => {
    const written = file[section] as Written<S>[];
    for (const [index, one] of written.entries()) recordOf[section](records, one, originOf(section, index));
  };
  take('hosts');
  take('components');
  take('clusters');
  take('applications');
  take('contracts');
  take('osSupport');
  return records;
}

/** What a landscape that was imported before sources were kept says, as one source would. */
export function recordsOfContent(content: LandscapeContent, origin: Origin): LandscapeRecords {
  const { hosts, components, clusters, dependencies = [], applications = [], contracts = [], osSupport = [] } = content;
  const from = <T extends object>(list: readonly T[]) => list.map(one => ({ ...one, origin }));
  return {
    tiers: null,
    hosts: from(hosts),
    components: components.map(component => ({ ...component, needs: [], origin })),
    clusters: from(clusters),
    applications: from(applications),
    contracts: from(contracts),
    osSupport: from(osSupport),
    dependencies: dependencies.map(dependency => ({ ...dependency, origin, accepted: false })),
  };
}

/** Takes what the schema has let through. */
export function parseRef(text: string): ComponentRef {
  const at = text.indexOf('@');
  return { name: text.slice(0, at), host: text.slice(at + 1) };
}

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort(compareText);
