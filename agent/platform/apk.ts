import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readSizes } from './apk-index.ts';
import {
  parseAudit,
  parseChanges,
  parseErrors,
  parseFailures,
  parseInstalled,
  parsePolicy,
  parseRefusal,
  parseUpdates,
  parseWorld,
  saysLocked,
} from './apk-output.ts';
import type { Argv, CommandPlace } from './command.ts';
import type { PackageBackend, PlannedPackage, Resolution, Wanted } from './file-package-backend.ts';
import { readJsonFile, writeFileAtomically } from './file-system.ts';
import { OsPackageProblem } from './os-package.ts';
import { list } from './os-package-problems.ts';
import { DOWNLOADS } from './os-package-space.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';
import { downloadPackage } from './package-download.ts';
import { holderOfLock } from './package-locks.ts';
import { resolveBelow } from './server-path.ts';

/** Version 3 will move it below /usr. */
const DATABASES = ['/lib/apk/db', '/usr/lib/apk/db'];
const PROGRAMS = ['/sbin/apk', '/usr/bin/apk', '/usr/sbin/apk'];
const WORLD = '/etc/apk/world';
/** What `world` said of packages before an order held them: name and line, null where it said nothing. */
const HELD = '/var/lib/tidemark-agent/held-packages.json';
/** A repository of what is to be installed once more. */
const AGAIN = `${DOWNLOADS}/again`;
/** Empty: what is installed comes from files that were verified. */
const NO_REPOSITORIES = `${DOWNLOADS}/no-repositories`;
/** Where apk never replaces a file that was changed. */
const PROTECTED = '/etc';
const FRESH = '.apk-new';

/** In minutes: by the lists that are there, since fetching them is a step of its own. */
const KNOWN_LISTS = ['--cache-max-age', '1000000'];

export const findApk = (root: string): { program: string; database: string } | null => {
  const there = (paths: readonly string[], below: string) =>
    paths.find(path => existsSync(resolveBelow(root, path + below)));
  const [program, database] = [there(PROGRAMS, ''), there(DATABASES, '/installed')];
  return program === undefined || database === undefined ? null : { program, database };
};

/**
 * apk. It fetches only the newest version of a package by itself, so that files are fetched here, from the repositories that
 * it names; it checks their signatures when they have come, and again when it installs them.
 */
export function createApk(tool: Tool, place: CommandPlace): PackageBackend {
  const { root } = place;
  const { program, database } = findApk(root) ?? { program: '/sbin/apk', database: '/lib/apk/db' };
  const apk = (...rest: string[]): Argv => [program, '--no-progress', '--no-interactive', ...rest];
  const read = (path: string) => readFileSync(resolveBelow(root, path), 'utf8');
  const world = () => (existsSync(resolveBelow(root, WORLD)) ? parseWorld(read(WORLD)) : []);
  const writeWorld = (lines: readonly string[]) =>
    writeFileAtomically(resolveBelow(root, WORLD), `${lines.join('\n')}\n`, 0o644);

  let native: string | null = null;
  const architecture = async () => {
    native ??= (await tool.ask(apk('--print-arch'))).text.trim();
    return native;
  };

  /** Which repositories have which version of these, by name. */
  const policy = async (names: readonly string[]) =>
    parsePolicy((await tool.ask(apk(...KNOWN_LISTS, 'policy', ...names))).text);

  async function planned(wanted: readonly { name: string; version: string }[]): Promise<(PlannedPackage | null)[]> {
    const known = await policy(wanted.map(({ name }) => name));
    const own = await architecture();
    const sources = wanted.map(({ name, version }) => known.get(name)?.get(version)?.[0]);
    const sizes = readSizes(root, own, sources.filter(each => each?.startsWith('/')) as string[]);
    return wanted.map(({ name, version }, index) => {
      const source = sources[index];
      if (source === undefined) return null;
      const file = `${name}-${version}.apk`;
      const { downloadBytes, unpackedBytes } = sizes.get(`${name}-${version}`) ?? {
        downloadBytes: 0,
        unpackedBytes: 0,
      };
      const spec = `${source.replace(/\/$/, '')}/${own}/${file}`;
      return { name, version, file, architecture: 'noarch', spec, downloadBytes, unpackedBytes };
    });
  }

  /** Configuration that apk laid beside what was changed here, with when. */
  const fresh = (): Map<string, number> =>
    new Map(
      readdirSync(resolveBelow(root, PROTECTED), { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && entry.name.endsWith(FRESH))
        .map(entry => {
          const here = join(entry.parentPath, entry.name);
          const path = `${PROTECTED}${here.slice(resolveBelow(root, PROTECTED).length)}`;
          return [path, statSync(here).ctimeMs];
        }),
    );
  let freshBefore = new Map<string, number>();

  return {
    manager: 'apk',
    databaseDirectory: database,
    endings: { fresh: FRESH, old: '.apk-old' },

    async look() {
      const held = new Set(world().flatMap(({ name, pinned }) => (pinned ? [name] : [])));
      return { all: parseInstalled(read(`${database}/installed`), held), native: await architecture() };
    },
    updates: async () => parseUpdates((await tool.ask(apk(...KNOWN_LISTS, 'version', '-v', '-l', '<'))).text),
    lockHolder: () => holderOfLock(root, [`${database}/lock`]),
    saysLocked: ({ text }) => saysLocked(text),
    staleMarks: () => [],
    /** A file that was installed is pinned by its digest: where nobody came to put that right, no upgrade would go on. */
    async removeLeftovers() {
      const entries = world();
      if (entries.some(({ byFile }) => byFile))
        await writeWorld(entries.map(({ name, line, byFile }) => (byFile ? name : line)));
      return null;
    },

    refresh: () => apk('update'),
    refreshProblems: ({ status, text }) =>
      status === 0 && !/^(ERROR|WARNING): /m.test(text) ? [] : [parseErrors(text) || `exit status ${status}`],

    async resolve(wanted: readonly Wanted[]): Promise<Resolution> {
      const known = await policy(wanted.map(({ exact }) => exact.name));
      const offered = ({ exact }: Wanted) => (known.get(exact.name)?.get(exact.version)?.length ?? 0) > 0;
      const missing = wanted.filter(each => !offered(each) && each.file === null).map(({ exact }) => exact);
      if (missing.length > 0) throw unavailable(missing.map(({ name, version }) => `${name} ${version}`));
      const specs = wanted.map(each =>
        offered(each) ? `${each.exact.name}=${each.exact.version}` : (each.file ?? ''),
      );
      const end = await tool.ask(apk(...KNOWN_LISTS, 'add', '--simulate', ...specs));
      const changes = parseChanges(end.text);
      if (changes.length === 0 || parseRefusal(end.text)) throw cannotBegin(end);
      const coming = changes.flatMap(({ name, to }) => (to === null ? [] : [{ name, version: to }]));
      const found = await planned(coming);
      return {
        removals: changes.filter(({ to }) => to === null),
        planned: coming.map(({ name, version }, index): PlannedPackage => {
          const file = `${name}-${version}.apk`;
          const bare = { name, version, file, architecture: 'noarch', spec: '', downloadBytes: 0, unpackedBytes: 0 };
          return found[index] ?? bare;
        }),
      };
    },
    find: async ({ name, version }) => (await planned([{ name, version }]))[0] ?? null,
    isFileOf: (file, { name, version }) => file === `${name}-${version}.apk`,

    async fetch(wanted, directory): Promise<ToolEnd> {
      for (const { file, spec, name, version } of wanted) {
        try {
          place.output(Buffer.from(`fetch ${spec}\n`), 'stdout');
          await downloadPackage(spec, resolveBelow(root, `${directory}/${file}`), place);
        } catch (error) {
          const text = `ERROR: ${name}-${version}: ${spec}: ${(error as Error).message}\n`;
          return { status: 1, signal: null, lastLine: text.trim(), text };
        }
      }
      return tool.act(apk('verify', ...wanted.map(({ file }) => `${directory}/${file}`)));
    },
    apply: files => apk('--no-network', '--repositories-file', NO_REPOSITORIES, 'add', ...files),
    /**
     * `fix` takes packages from a repository only, and leaves nothing of one that it cannot find there: so they get one of
     * their own. It has no signature, so theirs are checked just before.
     */
    async again(files) {
      const own = await architecture();
      await mkdir(resolveBelow(root, `${AGAIN}/${own}`), { recursive: true });
      await rm(resolveBelow(root, `${AGAIN}/noarch`), { force: true });
      await symlink(own, resolveBelow(root, `${AGAIN}/noarch`));
      for (const file of files)
        await copyFile(resolveBelow(root, file), resolveBelow(root, `${AGAIN}/${own}/${file.split('/').at(-1)}`));
      await writeFileAtomically(resolveBelow(root, `${AGAIN}/repositories`), `${AGAIN}\n`);
      const index = `${AGAIN}/${own}/APKINDEX.tar.gz`;
      for (const argv of [apk('verify', ...files), apk('index', '--allow-untrusted', '--output', index, ...files)]) {
        const end = await tool.ask(argv);
        if (end.status !== 0) throw cannotBegin(end);
      }
      const only = ['--no-network', '--allow-untrusted', '--repositories-file', `${AGAIN}/repositories`];
      return apk(...only, 'fix', '--reinstall', ...files.map(nameOfFile));
    },
    /** What was installed from a file is in `world` by its digest, also what only others need. */
    async beforeChange() {
      freshBefore = fresh();
      await writeFileAtomically(resolveBelow(root, NO_REPOSITORIES), '', 0o644);
      const before = new Map(world().map(each => [each.name, each.line]));
      const there = new Set(parseInstalled(read(`${database}/installed`), new Set()).map(({ name }) => name));
      return () =>
        writeWorld(
          world().flatMap(({ name, line, byFile }) => {
            if (!byFile) return [line];
            return before.has(name) ? [before.get(name) ?? name] : there.has(name) ? [] : [name];
          }),
        );
    },

    async resolveRemoval(names) {
      const end = await tool.ask(apk(...KNOWN_LISTS, 'del', '--simulate', '--rdepends', ...names));
      const changes = parseChanges(end.text);
      if (changes.length === 0) throw cannotBegin(end);
      return changes;
    },
    remove: names => apk(...KNOWN_LISTS, 'del', '--rdepends', ...names),

    async changedConffiles(names) {
      const own = new Set(filesIn((await tool.ask(apk('info', '--contents', ...names))).text));
      return parseAudit((await tool.ask(apk('audit'))).text).filter(path => own.has(path));
    },
    filesOf: async names => filesIn((await tool.ask(apk('info', '--contents', ...names))).text),

    cleaning: {
      caches: ['/etc/apk/cache'],
      // Without that directory apk keeps nothing.
      clear: () => (existsSync(resolveBelow(root, '/etc/apk/cache')) ? apk('cache', 'clean') : null),
    },

    async mark(as, names) {
      const versions = new Map(
        parseInstalled(read(`${database}/installed`), new Set()).map(each => [each.name, each.version]),
      );
      const kept = keptLines(readJsonFile(resolveBelow(root, HELD)));
      const lines = new Map(world().map(({ name, line }) => [name, line]));
      for (const name of names) {
        if (as === 'hold') {
          kept.set(name, lines.get(name) ?? null);
          lines.set(name, `${name}=${versions.get(name)}`);
        } else {
          const before = kept.has(name) ? kept.get(name) : name;
          kept.delete(name);
          if (before) lines.set(name, before);
          else lines.delete(name);
        }
      }
      await writeFileAtomically(resolveBelow(root, HELD), `${JSON.stringify([...kept])}\n`);
      await writeWorld([...lines.values()]);
      return { status: 0, signal: null, lastLine: '', text: '' };
    },

    // It ends with as many as the packages that are broken, also those that it was not to touch.
    succeeded: ({ status, text }) => status === 0 || (status !== null && !/^ERROR: /m.test(text)),
    failures: parseFailures,
    conffiles: () =>
      [...fresh()]
        .filter(([path, at]) => freshBefore.get(path) !== at)
        .map(([other]) => ({ path: other.slice(0, -FRESH.length), other, kept: true })),
    errors: parseErrors,
    normal: version => version,
  };
}

/** apk writes paths without their first slash. */
const filesIn = (text: string): string[] => text.split('\n').map(line => `/${line}`);

const nameOfFile = (path: string): string => (path.split('/').at(-1) ?? '').replace(/-\d[^-]*(-r\d+)?\.apk$/, '');

const keptLines = (value: unknown): Map<string, string | null> =>
  new Map(
    (Array.isArray(value) ? value : []).filter(
      (each): each is [string, string | null] => Array.isArray(each) && typeof each[0] === 'string',
    ),
  );

const unavailable = (missing: readonly string[]) =>
  new OsPackageProblem(
    'unavailable',
    `${list(missing)} is in none of this server's repositories, and was not fetched before; refresh their lists, or correct the version in the bundle`,
    { packages: missing },
  );

/** apk's refusal to begin, in our words. */
function cannotBegin(end: ToolEnd): OsPackageProblem {
  const refusal = parseRefusal(end.text);
  if (refusal && refusal.missing.length + refusal.unfulfilled.length > 0 && refusal.breaks.length === 0)
    return unavailable([...refusal.missing, ...refusal.unfulfilled]);
  if (refusal && refusal.breaks.length > 0)
    return new OsPackageProblem(
      'others',
      `the versions do not fit each other: ${list(refusal.breaks)}; nothing was changed; put those into the bundle too`,
      { others: refusal.breaks },
    );
  return new OsPackageProblem('failed', `apk refuses: ${parseErrors(end.text) || end.lastLine}; nothing was changed`);
}
