import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Base } from './base.ts';
import { run, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { LAB_DIRECTORY } from './places.ts';
import { debianSources } from './sources.ts';

/* The packages that the hosts' Debian was made of, as files, and others of them that are rebuilt as if they were older. */

export interface InstalledPackage {
  name: string;
  version: string;
  architecture: string;
  essential: boolean;
}

const FIELDS = ['binary:Package', 'Version', 'Architecture', 'Essential', 'db:Status-Status'];
/** dpkg-query(1) */
const FORMAT = `${FIELDS.map(field => `\${${field}}`).join('\\t')}\\n`;

/** What dpkg says is installed below a root, sorted by name; without the architecture where it is the system's own. */
export async function installedIn(root: string): Promise<InstalledPackage[]> {
  const listed = await runOk(['dpkg-query', `--admindir=${join(root, 'var/lib/dpkg')}`, '-W', '-f', FORMAT]);
  const native = (await runOk(['dpkg', '--print-architecture'])).trim();
  return listed
    .trim()
    .split('\n')
    .map(line => line.split('\t'))
    .filter(([, , , , status]) => status === 'installed')
    .map(([name = '', version = '', architecture = '', essential = '']) => ({
      name: name.endsWith(`:${native}`) ? name.slice(0, -native.length - 1) : name,
      version,
      architecture,
      essential: essential === 'yes',
    }));
}

/** The .deb of every package in the base tree, downloaded once from where Debian comes from: apt checks what it gets. */
export function downloadInstalled(base: Base, say: (line: string) => void): Promise<string[]> {
  const { release, archive, security } = debianSources();
  const list = [
    `deb ${archive} ${release} main`,
    security === null ? '' : `deb ${security} ${release}-security main`,
  ].join('\n');
  const hash = createHash('sha256')
    .update(base.tree)
    .update(list)
    .update(readFileSync(import.meta.filename));
  const directory = join(LAB_DIRECTORY, `packages-${hash.digest('hex').slice(0, 12)}`);
  return withLock(`${directory}.lock`, async () => {
    if (!existsSync(directory)) {
      say(`downloading the packages of the hosts' Debian to ${directory} (once) ...`);
      const building = `${directory}.building`;
      rmSync(building, { recursive: true, force: true });
      const [lists, packages] = [join(building, 'lists'), join(building, 'packages')];
      for (const each of [join(lists, 'partial'), packages]) mkdirSync(each, { recursive: true });
      writeFileSync(join(building, 'sources.list'), `${list}\n`);
      const options = [
        ...['-q', '-o', `Dir::Etc::SourceList=${join(building, 'sources.list')}`, '-o', 'Dir::Etc::SourceParts=-'],
        ...['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::State::Status=${join(base.tree, 'var/lib/dpkg/status')}`],
        ...[
          '-o',
          'APT::Sandbox::User=root',
          '-o',
          'Acquire::Retries=3',
          '-o',
          'Dir::Cache::pkgcache=',
          '-o',
          'Dir::Cache::srcpkgcache=',
        ],
      ];
      await runOk(['apt-get', ...options, 'update']);
      const wanted = (await installedIn(base.tree)).map(({ name, version }) => `${name}=${version}`);
      await runOk(['apt-get', ...options, 'download', ...wanted], { cwd: packages });
      renameSync(packages, directory);
      rmSync(building, { recursive: true });
    }
    return readdirSync(directory)
      .filter(name => name.endsWith('.deb'))
      .sort()
      .map(name => join(directory, name));
  });
}

/** Files of a package that are changed in the rebuilt one. */
const CHANGED = 2;

/**
 * Packs a package again with a version that is older and some of its files longer. Null where it has none that could be: only
 * links, documentation and configuration.
 */
export async function rebuildOlder(deb: string, directory: string): Promise<{ file: string; version: string } | null> {
  const root = join(directory, 'unpacked');
  rmSync(root, { recursive: true, force: true });
  await runOk(['dpkg-deb', '-R', deb, root]);
  const find = [
    'find',
    join(root, 'usr'),
    '-type',
    'f',
    '-size',
    '+0',
    '-not',
    '-path',
    '*/share/doc/*',
    '-not',
    '-path',
    '*/share/man/*',
  ];
  const files = (await run([...find, '-not', '-path', '*/share/locale/*'])).stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .sort()
    .slice(0, CHANGED);
  if (files.length === 0) return null;
  // Behind its end an ELF file may have anything.
  for (const file of files) writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('\n# older\n')]));
  const control = join(root, 'DEBIAN/control');
  const text = readFileSync(control, 'utf8');
  const version = `${/^Version: (.*)$/m.exec(text)?.[1]}~older`;
  writeFileSync(control, text.replace(/^Version: .*$/m, `Version: ${version}`));
  const file = join(directory, `${deb.split('/').at(-1)?.split('_')[0]}-older.deb`);
  await runOk(['dpkg-deb', '-b', '--root-owner-group', '-Zgzip', root, file]);
  rmSync(root, { recursive: true });
  return { file, version };
}
