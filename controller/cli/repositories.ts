import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { usageError } from './exit.ts';

/** A repository of packages that somebody wants imported. */
export interface RepositoryPlace {
  from: { by: 'address'; url: string } | { by: 'files'; name: string; directory: string };
  kind: 'apt' | 'rpm';
  /** Of apt; empty for rpm. */
  suite: string;
}

/** Null for what is no repository: a file, or a directory of another kind. */
export function repositoryAt(argument: string, suite: string | undefined): RepositoryPlace | null {
  if (/^https?:\/\//i.test(argument)) return atAddress(argument, suite);
  const directory = resolve(argument);
  const from = { by: 'files' as const, name: directory, directory };
  if (isDirectory(join(directory, 'dists'))) return { from, kind: 'apt', suite: suite ?? onlySuite(directory) };
  if (existsSync(join(directory, 'repodata/repomd.xml'))) return { from, kind: 'rpm', suite: '' };
  // A repository without suites: its index lies at its top.
  const isFlat = ['InRelease', 'Release.gpg'].some(name => existsSync(join(directory, name)));
  return isFlat ? { from, kind: 'apt', suite: suite ?? './' } : null;
}

function atAddress(argument: string, suite: string | undefined): RepositoryPlace {
  // As it stands in sources.list, or the directory of the suite itself.
  const [, base, own] = /^(.*?)\/dists\/([^/]+(?:\/[^/]+)*?)\/*$/.exec(argument) ?? [];
  if (base !== undefined && own !== undefined && suite === undefined)
    return { from: { by: 'address', url: base }, kind: 'apt', suite: own };
  const from = { by: 'address' as const, url: argument };
  return suite === undefined ? { from, kind: 'rpm', suite: '' } : { from, kind: 'apt', suite };
}

function onlySuite(directory: string): string {
  const suites = readdirSync(join(directory, 'dists')).filter(name =>
    ['InRelease', 'Release'].some(index => existsSync(join(directory, 'dists', name, index))),
  );
  const [only, ...more] = suites;
  if (only === undefined) throw usageError(`${directory} has no suite with an index in dists: give --suite NAME`);
  if (more.length > 0) throw usageError(`${directory} has the suites ${suites.join(', ')}: give --suite NAME`);
  return only;
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
