import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { byPosition, type DocumentError } from '../documents/errors.ts';
import { type DocumentPath, type ReadDocument, readDocument } from '../documents/read.ts';
import type { LandscapeContent } from './landscape.ts';
import { mergeLandscape } from './merge.ts';
import { type LandscapeRecords, parseRef, recordsOf } from './records.ts';
import { LandscapeFile } from './schema.ts';

/** Whether another source has a host of this name: then a file may say more of it. */
export type KnownElsewhere = (host: string) => boolean;

/**
 * Reads a landscape file. Everything that contradicts itself is an error with its place, and all are told at once:
 * somebody who corrects an export of thousands of rows must not do it one error at a time.
 */
export function readLandscape(
  text: string,
  fileName: string,
  elsewhere: KnownElsewhere = () => false,
): Result<LandscapeRecords, DocumentError[]> {
  const read = readDocument(text, fileName, LandscapeFile);
  if (!read.ok) return read;
  const found = contradictions(read.value, elsewhere);
  if (found.length > 0) return err(found);
  return ok(
    recordsOf(read.value.value, (section, index) => `${fileName}:${read.value.positionOf([section, index]).line}`),
  );
}

/** The landscape that a file is by itself, without any other source. */
export function readWholeLandscape(text: string, fileName: string): Result<LandscapeContent, DocumentError[]> {
  const read = readLandscape(text, fileName);
  if (!read.ok) return read;
  const { content, conflicts } = mergeLandscape([{ source: 'file', priority: 0, records: read.value }]);
  if (conflicts.length === 0) return ok(content);
  return err(conflicts.map(({ message }) => ({ message, file: fileName, line: 1, column: 1 })));
}

function contradictions(read: ReadDocument<LandscapeFile>, elsewhere: KnownElsewhere): DocumentError[] {
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
  const own = new Set(names);
  const isKnown = (name: string) => own.has(name) || elsewhere(name);
  const unknownHost = (name: string) => `host ${name} is not in the landscape${didYouMean(name, names)}`;
  const clusterOf = new Map<string, { name: string; index: number }>();
  for (const [index, component] of components.entries()) {
    if (!isKnown(component.host))
      complain(['components', index, 'host'], `component ${component.name}: ${unknownHost(component.host)}`);
    if (component.home && !component.product)
      complain(['components', index, 'home'], `component ${component.name} has a home but no product`);
  }
  for (const [index, cluster] of clusters.entries()) {
    for (const [position, member] of cluster.members.entries()) {
      const path = ['clusters', index, 'members', position];
      if (!isKnown(member)) complain(path, `cluster ${cluster.name}: ${unknownHost(member)}`);
      const other = clusterOf.get(member);
      if (other?.index === index) complain(path, `host ${member} is in cluster ${cluster.name} twice`);
      else if (other) complain(path, `host ${member} is in two clusters, ${other.name} and ${cluster.name}`);
      else clusterOf.set(member, { name: cluster.name, index });
    }
  }
  tierErrors(read.value, complain);
  refErrors(read.value, elsewhere, complain);
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

/** Components of hosts that other sources know may be theirs as well: those are looked at when all is put together. */
function refErrors(
  { components }: LandscapeFile,
  elsewhere: KnownElsewhere,
  complain: (path: DocumentPath, message: string) => void,
): void {
  const known = components.map(({ name, host }) => `${name}@${host}`);
  const there = new Set(known);
  for (const [index, component] of components.entries())
    for (const key of ['uses', 'runsOn', 'partOf'] as const)
      for (const [position, ref] of component[key].entries()) {
        if (there.has(ref) || elsewhere(parseRef(ref).host)) continue;
        const path = ['components', index, key, position];
        complain(path, `component ${component.name}: ${ref} is not in the landscape${didYouMean(ref, known)}`);
      }
}
