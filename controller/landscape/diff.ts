import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import { compareText, type LandscapeContent, refText } from './landscape.ts';

export interface LandscapeChange {
  section: 'host' | 'component' | 'cluster' | 'dependency' | 'application' | 'contract' | 'os-support';
  name: string;
  change: 'added' | 'removed' | 'changed';
  /** Of what changed: which fields, from what to what. */
  fields: { field: string; before: unknown; after: unknown }[];
}

const EMPTY: LandscapeContent = { hosts: [], components: [], clusters: [] };

/** What is another between two landscapes, by section and name. Null stands for the one before the first. */
export function diffLandscapes(before: LandscapeContent | null, after: LandscapeContent): LandscapeChange[] {
  const old = before ?? EMPTY;
  return [
    ...changesOf('host', old.hosts, after.hosts, ({ name }) => name),
    ...changesOf('component', old.components, after.components, refText),
    ...changesOf('cluster', old.clusters, after.clusters, ({ name }) => name),
    ...changesOf(
      'dependency',
      old.dependencies,
      after.dependencies,
      ({ from, kind, to }) => `${refText(from)} ${kind} ${refText(to)}`,
    ),
    ...changesOf('application', old.applications, after.applications, ({ name }) => name),
    ...changesOf('contract', old.contracts, after.contracts, ({ kind, product, host, number }) =>
      [kind, product, host === null ? null : `on ${host}`, number].filter(part => part !== null).join(' '),
    ),
    ...changesOf('os-support', old.osSupport, after.osSupport, ({ os, release }) => `${os} ${release}`),
  ];
}

function changesOf<T extends object>(
  section: LandscapeChange['section'],
  before: readonly T[] = [],
  after: readonly T[] = [],
  nameOf: (item: T) => string,
): LandscapeChange[] {
  const [old, now] = [keyed(before, nameOf), keyed(after, nameOf)];
  const changes: LandscapeChange[] = [];
  for (const name of old.keys()) if (!now.has(name)) changes.push({ section, name, change: 'removed', fields: [] });
  for (const [name, item] of now) {
    const was = old.get(name);
    const fields = was === undefined ? [] : fieldsOf(was, item);
    if (was === undefined) changes.push({ section, name, change: 'added', fields });
    else if (fields.length > 0) changes.push({ section, name, change: 'changed', fields });
  }
  return changes.sort((a, b) => compareText(a.name, b.name));
}

/** Contracts may share all that they are called by: each has a place of its own then. */
function keyed<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T> {
  const found = new Map<string, T>();
  for (const item of items) {
    const name = nameOf(item);
    let key = name;
    for (let count = 2; found.has(key); count++) key = `${name} (${count})`;
    found.set(key, item);
  }
  return found;
}

function fieldsOf(before: object, after: object): LandscapeChange['fields'] {
  const [old, now] = [before, after] as [Record<string, unknown>, Record<string, unknown>];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort(compareText).flatMap(field => {
    const [was, is] = [old[field] ?? null, now[field] ?? null];
    return textOf(was) === textOf(is) ? [] : [{ field, before: was, after: is }];
  });
}

const textOf = (value: unknown): string =>
  value === null || typeof value !== 'object' ? JSON.stringify(value) : canonicalJson(value as Json);
