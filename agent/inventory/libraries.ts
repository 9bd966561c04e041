import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';
import { walkBelow } from './walk-below.ts';

type Libraries = SectionContent<'libraries'>;

const MAX_LIBRARIES = 10_000;
const JAR = /^(.+?)-(\d[\w.+-]*)\.(?:jar|war|ear)$/;
const DIST_INFO = /^(.+)-([^-]+)\.(dist|egg)-info$/;

/** Packages of languages below these directories, by the names that they have there: no archive is opened. */
export function collectLibraries(files: ServerFiles, directories: readonly string[]): Libraries {
  const found: Libraries = [];
  for (const directory of directories) {
    const entries = walkBelow(files, directory, (_, name) => !/^\.(git|cache)$|^proc$/.test(name));
    for (const { path, name, isDirectory } of entries) {
      if (found.length >= MAX_LIBRARIES) break;
      const library = isDirectory
        ? pythonPackage(path, name)
        : (javaArchive(path, name) ?? npmPackage(files, path, name));
      if (library) found.push(library);
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function pythonPackage(path: string, name: string): Libraries[number] | null {
  const [, project, version] = DIST_INFO.exec(name) ?? [];
  return project && version ? { ecosystem: 'pypi', name: project, version, path } : null;
}

function javaArchive(path: string, name: string): Libraries[number] | null {
  const [, artifact, version] = JAR.exec(name) ?? [];
  return artifact && version ? { ecosystem: 'maven', name: artifact, version, path } : null;
}

function npmPackage(files: ServerFiles, path: string, name: string): Libraries[number] | null {
  if (name !== 'package.json' || !/\/node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path)) return null;
  try {
    const read: unknown = JSON.parse(files.text(path));
    const { name: own, version } = read as { name?: unknown; version?: unknown };
    if (typeof own !== 'string' || typeof version !== 'string') return null;
    return { ecosystem: 'npm', name: own.slice(0, 256), version: version.slice(0, 256), path };
  } catch {
    return null;
  }
}
