import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { byPosition, type DocumentError } from '../documents/errors.ts';
import { type DocumentPath, type ReadDocument, readDocument } from '../documents/read.ts';
import type { LandscapeComponent, LandscapeContent } from './landscape.ts';
import { LandscapeFile } from './schema.ts';

/**
 * Reads a landscape file. Everything that contradicts itself is an error with its place, and all are told at once:
 * somebody who corrects an export of thousands of rows must not do it one error at a time.
 */
export function readLandscape(text: string, fileName: string): Result<LandscapeContent, DocumentError[]> {
  const read = readDocument(text, fileName, LandscapeFile);
  if (!read.ok) return read;
  const found = contradictions(read.value);
  return found.length > 0 ? err(found) : ok(contentOf(read.value.value));
}

/** Sorted, so that a file whose rows come in another order says the same. */
function contentOf(file: LandscapeFile): LandscapeContent {
  const applications = new Map(file.hosts.map(host => [host.name, host.application ?? null]));
  return {
    hosts: file.hosts
      .map(({ name, application, environment, tags, attributes }) => ({
        name,
        application: application ?? null,
        environment: environment ?? null,
        tags: [...new Set(tags)].sort(),
        attributes,
      }))
      .sort(byName),
    components: file.components
      .map(component => componentOf(component, applications.get(component.host) ?? null))
      .sort((a, b) => compare(a.host, b.host) || byName(a, b)),
    clusters: file.clusters.map(({ name, members }) => ({ name, members: [...members].sort() })).sort(byName),
  };
}

function componentOf(written: LandscapeFile['components'][number], application: string | null): LandscapeComponent {
  const product = written.product ?? null;
  return {
    name: written.name,
    host: written.host,
    application: written.application ?? application,
    tier: written.tier ?? null,
    kind: written.kind,
    product,
    home: product === null ? null : (written.home ?? `/opt/${product}`).replace(/\/+$/, ''),
    ...(written.package ? { package: written.package } : {}),
    service: written.service ?? null,
    health: written.health ? { ...written.health, text: written.health.text ?? null } : null,
    perHostConfig: [...new Set(written.perHostConfig)].sort(),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byName = (a: { name: string }, b: { name: string }): number => compare(a.name, b.name);

function contradictions(read: ReadDocument<LandscapeFile>): DocumentError[] {
  const { hosts, components, clusters } = read.value;
  const found: DocumentError[] = [];
  const complain = (path: DocumentPath, message: string) =>
    found.push({ message, file: read.file, ...read.positionOf(path) });
  const lineOf = (path: DocumentPath) => read.positionOf(path).line;

  const twice = <T>(list: readonly T[], key: (item: T) => string, section: string, what: (item: T) => string) => {
    const first = new Map<string, number>();
    for (const [index, item] of list.entries()) {
      const before = first.get(key(item));
      if (before === undefined) first.set(key(item), index);
      else
        complain([section, index, 'name'], `${what(item)} is there twice, first in line ${lineOf([section, before])}`);
    }
  };
  twice(
    hosts,
    // The same server, as DNS sees it.
    host => host.name.toLowerCase(),
    'hosts',
    host => `host ${host.name}`,
  );
  twice(
    components,
    item => `${item.host}\0${item.name}`,
    'components',
    item => `component ${item.name} on ${item.host}`,
  );
  twice(
    clusters,
    cluster => cluster.name,
    'clusters',
    cluster => `cluster ${cluster.name}`,
  );

  const names = hosts.map(host => host.name);
  const known = new Set(names);
  const unknownHost = (name: string) => `host ${name} is not in the landscape${didYouMean(name, names)}`;
  const clusterOf = new Map<string, { name: string; index: number }>();
  for (const [index, component] of components.entries()) {
    if (!known.has(component.host))
      complain(['components', index, 'host'], `component ${component.name}: ${unknownHost(component.host)}`);
    if (component.home && !component.product)
      complain(['components', index, 'home'], `component ${component.name} has a home but no product`);
  }
  for (const [index, cluster] of clusters.entries()) {
    for (const [position, member] of cluster.members.entries()) {
      const path = ['clusters', index, 'members', position];
      if (!known.has(member)) complain(path, `cluster ${cluster.name}: ${unknownHost(member)}`);
      const other = clusterOf.get(member);
      if (other?.index === index) complain(path, `host ${member} is in cluster ${cluster.name} twice`);
      else if (other) complain(path, `host ${member} is in two clusters, ${other.name} and ${cluster.name}`);
      else clusterOf.set(member, { name: cluster.name, index });
    }
  }
  tierErrors(read.value, complain);
  return found.sort(byPosition);
}

function tierErrors(file: LandscapeFile, complain: (path: DocumentPath, message: string) => void): void {
  const { tiers } = file;
  if (!tiers) return;
  for (const [index, tier] of tiers.entries()) {
    if (tiers.indexOf(tier) !== index) complain(['tiers', index], `tier ${tier} is there twice`);
  }
  for (const [index, { name, tier }] of file.components.entries()) {
    if (tier && !tiers.includes(tier))
      complain(
        ['components', index, 'tier'],
        `component ${name}: tier ${tier} is not one of ${tiers.join(', ')}${didYouMean(tier, tiers)}`,
      );
  }
}
