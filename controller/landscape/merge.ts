import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { byKindAndSubject, type Conflict } from './conflicts.ts';
import { type HostGroup, type HostMatch, inOrder, matchHosts, type Told } from './identity.ts';
import {
  type ComponentRef,
  compareText,
  type Dependency,
  type LandscapeComponent,
  type LandscapeContent,
  type LandscapeHost,
  refText,
} from './landscape.ts';
import type { ComponentRecord, Contribution, LandscapeRecords, Origin } from './records.ts';
import { tiersOf } from './tiers.ts';

export interface Merged {
  /** Without anything that is in conflict. Sorted: the order of sources and rows means nothing. */
  content: LandscapeContent;
  conflicts: Conflict[];
  matches: HostMatch[];
}

/** With more hosts than this no name is looked for that may have been meant: it would take minutes. */
const MOST_COMPARED = 2_000;

/** What all sources say together, and what of it cannot all be so. Pure: the same contributions, the same answer. */
export function mergeLandscape(contributions: readonly Contribution[]): Merged {
  const matched = matchHosts(contributions);
  const conflicts = [...matched.conflicts];
  const merge: Merging = {
    ordered: inOrder(contributions),
    resolve: matched.resolve,
    conflicts,
    hint: hintFor(matched.groups),
  };
  const hosts = matched.groups.flatMap(group => hostOf(group, conflicts) ?? []);
  const known = new Set(hosts.map(({ name }) => name));
  const clusters = clustersOf(merge, known);
  const there = new Set([...known].filter(name => !clusters.doubtful.has(name)));
  const { components, needs } = componentsOf(merge, hosts, there);
  const dependencies = dependenciesOf(merge, components, needs);
  const tiered = tiersOf(
    components,
    dependencies,
    merge.ordered.find(({ records }) => records.tiers)?.records.tiers ?? [],
  );
  conflicts.push(...tiered.conflicts);
  const content: LandscapeContent = {
    hosts: hosts.filter(({ name }) => there.has(name)).sort(byName),
    components: tiered.components.sort((a, b) => compareText(a.host, b.host) || byName(a, b)),
    clusters: clusters.list.sort(byName),
    ...some(
      'dependencies',
      dependencies.sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))),
    ),
    ...some('applications', settled(merge, 'applications', ({ name }) => name, 'application').sort(byName)),
    ...some('contracts', contractsOf(merge, there)),
    ...some('osSupport', settled(merge, 'osSupport', ({ os, release }) => `${os} ${release}`, 'support of').sort(byOs)),
  };
  return { content, conflicts: conflicts.sort(byKindAndSubject), matches: matched.matches };
}

interface Merging {
  ordered: readonly Contribution[];
  resolve(name: string): string | null;
  conflicts: Conflict[];
  hint(name: string): string;
}

const byName = (a: { name: string }, b: { name: string }): number => compareText(a.name, b.name);
const byOs = (a: { os: string; release: string }, b: { os: string; release: string }): number =>
  compareText(`${a.os} ${a.release}`, `${b.os} ${b.release}`);
const some = <K extends string, T>(key: K, list: T[]): { [P in K]?: T[] } =>
  (list.length > 0 ? { [key]: list } : {}) as { [P in K]?: T[] };

function hintFor(groups: readonly HostGroup[]): Merging['hint'] {
  const names = groups.map(({ name }) => name);
  return name => (names.length > MOST_COMPARED ? '' : didYouMean(name, names));
}

/** One value of what several say. Null counts as not said; the highest priority counts; equals that differ are a conflict. */
function settle<T>(values: readonly { value: T; priority: number }[]): { value: T | null; differ: boolean } {
  const said = values.filter(({ value }) => value !== null);
  const top = Math.max(...said.map(({ priority }) => priority));
  const counting = said.filter(({ priority }) => priority === top);
  const [first] = counting;
  if (!first) return { value: null, differ: false };
  const differ = counting.some(({ value }) => text(value) !== text(first.value));
  return { value: first.value, differ };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : canonicalJson(value as Json));

/** All fields of records about one thing; null, with a conflict, where sources of equal weight contradict each other. */
function settleFields<R extends { origin: Origin }, K extends keyof R & string>(
  told: readonly Told<R>[],
  keys: readonly K[],
  about: { subject: string; what: string },
  conflicts: Conflict[],
): Pick<R, K> | null {
  const first = told[0] as Told<R>;
  if (told.length === 1) return Object.fromEntries(keys.map(key => [key, first.record[key]])) as Pick<R, K>;
  let isSettled = true;
  const settledFields = keys.map(key => {
    const values = told.map(({ record, priority }) => ({ value: record[key] ?? null, priority }));
    const { value, differ } = settle(values);
    if (differ) {
      isSettled = false;
      const said = told.map(({ source, record }) => `${source} says ${text(record[key] ?? null)}`).join(', ');
      const message = `${about.what} ${about.subject}: ${key} differs: ${said}. Correct one, or give one source priority`;
      conflicts.push({
        kind: 'contradiction',
        subject: about.subject,
        message,
        origins: told.map(one => one.record.origin),
      });
    }
    return [key, value] as const;
  });
  return isSettled ? (Object.fromEntries(settledFields) as Pick<R, K>) : null;
}

function hostOf({ name, told }: HostGroup, conflicts: Conflict[]): LandscapeHost | null {
  const fields = settleFields(told, ['application', 'environment'], { subject: name, what: 'host' }, conflicts);
  const attributes: [string, LandscapeHost['attributes'][string]][] = [];
  let isWhole = fields !== null;
  for (const key of new Set(told.flatMap(({ record }) => Object.keys(record.attributes)))) {
    const values = told.map(({ record, priority }) => ({ value: record.attributes[key] ?? null, priority }));
    const { value, differ } = settle(values);
    if (differ) {
      isWhole = false;
      const message = `host ${name}: attribute ${key} differs between ${told.map(({ source }) => source).join(' and ')}. Correct one, or give one source priority`;
      conflicts.push({ kind: 'contradiction', subject: name, message, origins: told.map(one => one.record.origin) });
    }
    attributes.push([key, value]);
  }
  if (!isWhole || fields === null) return null;
  const ids = Object.fromEntries(told.flatMap(({ record }) => Object.entries(record.ids ?? {})));
  const addresses = sorted(told.flatMap(({ record }) => record.addresses ?? []));
  return {
    name,
    ...fields,
    tags: sorted(told.flatMap(({ record }) => record.tags)),
    attributes: Object.fromEntries(attributes),
    ...(Object.keys(ids).length > 0 ? { ids } : {}),
    ...(addresses.length > 0 ? { addresses } : {}),
  };
}

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort(compareText);

function clustersOf({ ordered, resolve, conflicts, hint }: Merging, known: ReadonlySet<string>) {
  const told = new Map<string, Told<LandscapeRecords['clusters'][number]>[]>();
  for (const { source, priority, records } of ordered)
    for (const record of records.clusters) push(told, record.name, { source, priority, record });
  const list: LandscapeContent['clusters'] = [];
  const clusterOf = new Map<string, string>();
  const doubtful = new Set<string>();
  for (const [name, records] of told) {
    const resolved = records.map(({ record, ...rest }) => {
      const members = record.members.flatMap(member => {
        const host = resolve(member);
        if (host !== null && known.has(host)) return [host];
        const message = `cluster ${name}: host ${member} is not in the landscape${hint(member)}`;
        conflicts.push({ kind: 'unknown-host', subject: name, message, origins: [record.origin] });
        return [];
      });
      return { ...rest, record: { ...record, members: sorted(members) } };
    });
    const members = settleFields(resolved, ['members'], { subject: name, what: 'cluster' }, conflicts)?.members ?? [];
    for (const member of members) {
      const other = clusterOf.get(member);
      if (other !== undefined) {
        doubtful.add(member);
        const message = `host ${member} is in two clusters, ${other} and ${name}`;
        const origins = [...(told.get(other) ?? []), ...records].map(({ record }) => record.origin);
        conflicts.push({ kind: 'two-clusters', subject: member, message, origins });
      }
      clusterOf.set(member, name);
    }
    list.push({ name, members });
  }
  for (const cluster of list) cluster.members = cluster.members.filter(member => !doubtful.has(member));
  return { list: list.filter(({ members }) => members.length > 0), doubtful };
}

type Needs = { from: ComponentRef; need: ComponentRecord['needs'][number]; origin: Origin; accepted?: boolean }[];

function componentsOf(
  { ordered, resolve, conflicts, hint }: Merging,
  hosts: readonly LandscapeHost[],
  there: ReadonlySet<string>,
): { components: LandscapeComponent[]; needs: Needs } {
  const applicationOf = new Map(hosts.map(({ name, application }) => [name, application]));
  const told = new Map<string, Told<ComponentRecord>[]>();
  for (const { source, priority, records } of ordered)
    for (const record of records.components) {
      const host = resolve(record.host);
      if (host === null || !there.has(host)) {
        const why = host === null ? `is not in the landscape${hint(record.host)}` : 'is itself in conflict';
        const message = `component ${record.name}: host ${record.host} ${why}`;
        conflicts.push({ kind: 'unknown-host', subject: refText(record), message, origins: [record.origin] });
      } else push(told, `${host}\0${record.name}`, { source, priority, record: { ...record, host } });
    }
  const components: LandscapeComponent[] = [];
  const needs: Needs = [];
  const keys = ['application', 'tier', 'kind', 'product', 'home', 'package', 'service', 'health'] as const;
  for (const records of told.values()) {
    const [{ record: first }] = records as [Told<ComponentRecord>];
    const about = { subject: refText(first), what: 'component' };
    if (hasTwice(records, about.subject, conflicts)) continue;
    const fields = settleFields(records, keys, about, conflicts);
    if (fields === null) continue;
    const { package: packageName, ...rest } = fields;
    components.push({
      name: first.name,
      host: first.host,
      ...rest,
      application: fields.application ?? applicationOf.get(first.host) ?? null,
      ...(packageName ? { package: packageName } : {}),
      perHostConfig: sorted(records.flatMap(({ record }) => record.perHostConfig)),
    });
    for (const { record } of records)
      for (const need of record.needs)
        needs.push({ from: { host: record.host, name: record.name }, need, origin: record.origin });
  }
  return { components, needs };
}

/** Two records of one source that say the same are one; others are a conflict. */
function hasTwice(told: Told<ComponentRecord>[], subject: string, conflicts: Conflict[]): boolean {
  for (const [index, { source, record }] of told.entries()) {
    const other = told.slice(0, index).find(each => each.source === source)?.record;
    if (other === undefined) continue;
    const [{ origin: _, ...a }, { origin: __, ...b }] = [other, record];
    if (text(a) === text(b)) continue;
    const message = `${source} has two records for component ${subject} that differ`;
    conflicts.push({ kind: 'two-records', subject, message, origins: [other.origin, record.origin] });
    return true;
  }
  return false;
}

function dependenciesOf(
  { ordered, resolve, conflicts }: Merging,
  components: readonly LandscapeComponent[],
  own: Needs,
) {
  const there = new Set(components.map(refText));
  const found = new Map<string, Dependency>();
  const named: Needs = ordered.flatMap(({ records }) =>
    records.dependencies.map(({ from, kind, to, origin, accepted }) => {
      const by = { host: resolve(from.host) ?? from.host, name: from.name };
      return { from: by, need: { kind, to }, origin, accepted };
    }),
  );
  for (const { from, need, origin, accepted } of [...own, ...named]) {
    const to = { host: resolve(need.to.host) ?? need.to.host, name: need.to.name };
    const [fromText, toText] = [refText(from), refText(to)];
    if (accepted && !(there.has(fromText) && there.has(toText))) continue;
    if (!there.has(toText) || !there.has(fromText) || fromText === toText) {
      const why = fromText === toText ? 'which is itself' : 'and one of the two is not in the landscape';
      const message = `component ${fromText} ${need.kind.replace('-', ' ')} ${refText(need.to)}, ${why}`;
      conflicts.push({ kind: 'unknown-component', subject: fromText, message, origins: [origin] });
    } else found.set(`${fromText} ${need.kind} ${toText}`, { from, kind: need.kind, to });
  }
  return [...found.values()];
}

function contractsOf({ ordered, resolve, conflicts }: Merging, there: ReadonlySet<string>) {
  const found = new Map<string, NonNullable<LandscapeContent['contracts']>[number]>();
  for (const { records } of ordered)
    for (const { origin, ...contract } of records.contracts) {
      const host = contract.host === null ? null : resolve(contract.host);
      if (contract.host !== null && (host === null || !there.has(host))) {
        const message = `${contract.kind} contract ${contract.number ?? ''}: host ${contract.host} is not in the landscape`;
        conflicts.push({ kind: 'unknown-host', subject: contract.host, message, origins: [origin] });
      } else found.set(text({ ...contract, host }), { ...contract, host });
    }
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, contract]) => contract);
}

/** Sections whose records are about one thing each, whole: the highest priority counts. */
function settled<S extends 'applications' | 'osSupport'>(
  { ordered, conflicts }: Merging,
  section: S,
  key: (record: LandscapeRecords[S][number]) => string,
  what: string,
): Omit<LandscapeRecords[S][number], 'origin'>[] {
  type R = LandscapeRecords[S][number];
  const told = new Map<string, Told<{ whole: Omit<R, 'origin'>; origin: Origin }>[]>();
  for (const { source, priority, records } of ordered)
    for (const { origin, ...whole } of records[section] as R[])
      push(told, key(whole as R), { source, priority, record: { whole, origin } });
  return [...told].flatMap(([subject, records]) => {
    const fields = settleFields(records, ['whole'], { subject, what }, conflicts);
    return fields ? [fields.whole] : [];
  });
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
