import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Argv, CommandPlace } from './command.ts';
import type { PackageBackend, PlannedPackage, Resolution, Wanted } from './file-package-backend.ts';
import { writeFileAtomically } from './file-system.ts';
import { OsPackageProblem } from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';
import { holderOfOpenFile } from './package-locks.ts';
import {
  PRINT_FORMAT,
  type PrintedPackage,
  parseBreaks,
  parseChangedConffiles,
  parseConffiles,
  parseErrors,
  parseFailures,
  parseInstalled,
  parseMissing,
  parseOffered,
  parsePrinted,
  parseUpdates,
  saysLocked,
} from './pacman-output.ts';
import { resolveBelow } from './server-path.ts';

/** There while a pacman works, and left behind by one that was cut off. */
const MARK = '/var/lib/pacman/db.lck';
const CONFIGURATION = '/etc/pacman.conf';
/** What is held by orders; read by pacman.conf as long as something is. */
const HELD = '/etc/pacman.d/tidemark-hold.conf';
const INCLUDE = `Include = ${HELD}`;

const pacman = (...rest: string[]): Argv => ['/usr/bin/pacman', '--noconfirm', '--color', 'never', ...rest];
const PRINT = ['--print', '--print-format', PRINT_FORMAT];

export const commands = {
  installed: (): Argv => pacman('-Q'),
  ignored: (): Argv => ['/usr/bin/pacman-conf', 'IgnorePkg'],
  information: (names: readonly string[]): Argv => pacman('-Qii', ...names),
  filesOf: (names: readonly string[]): Argv => pacman('-Qlq', ...names),
  offered: (): Argv => pacman('-Sl'),
  updates: (): Argv => pacman('-Qu'),
  refresh: (): Argv => pacman('-Syy'),
  simulate: (specs: readonly string[]): Argv => pacman('-S', ...PRINT, ...specs),
  simulateFiles: (files: readonly string[]): Argv => pacman('-U', ...PRINT, ...files),
  download: (specs: readonly string[], directory: string): Argv =>
    pacman('-Sw', '--noprogressbar', '--cachedir', directory, ...specs),
  files: (files: readonly string[]): Argv => pacman('-U', '--noprogressbar', ...files),
  /** With what needs them: that is looked at before. */
  simulateRemoval: (names: readonly string[]): Argv => pacman('-Rc', ...PRINT, ...names),
  /** What is not installed in this version, or whatever pacman.conf has as CleanMethod. */
  clearCache: (): Argv => pacman('-Sc'),
  remove: (names: readonly string[]): Argv => pacman('-Rc', '--noprogressbar', ...names),
};

/** pacman. Tried with 6.0. Its repositories have one version of a package each: an older one comes from what was fetched before. */
export function createPacman(tool: Tool, { root }: CommandPlace): PackageBackend {
  const ignored = async () => (await tool.ask(commands.ignored())).text.split('\n').filter(name => name !== '');
  const offered = async () => parseOffered((await tool.ask(commands.offered())).text);

  const asPlanned = ({ repository, name, version, file, bytes }: PrintedPackage): PlannedPackage => ({
    ...{ name, version, file, architecture: 'any', spec: `${repository}/${name}` },
    // It tells only the sum of what is unpacked; compressed packages are a third of it or more.
    ...{ downloadBytes: bytes, unpackedBytes: bytes * 4 },
  });

  async function find(exact: ExactPackage): Promise<PlannedPackage | null> {
    const own = (await offered()).find(({ name, version }) => name === exact.name && version === exact.version);
    if (!own) return null;
    const { text } = await tool.ask(commands.simulate([`${own.repository}/${own.name}`]));
    const printed = parsePrinted(text).find(({ name }) => name === exact.name);
    return printed ? asPlanned(printed) : null;
  }

  return {
    manager: 'pacman',
    databaseDirectory: '/var/lib/pacman',
    endings: { fresh: '.pacnew', old: '.pacsave' },

    async look() {
      const listed = await tool.ask(commands.installed());
      return { all: parseInstalled(listed.text, await ignored()), native: 'any' };
    },
    lockHolder: () => holderOfOpenFile(root, MARK),
    saysLocked: ({ text }) => saysLocked(text),
    staleMarks: () => (existsSync(resolveBelow(root, MARK)) && holderOfOpenFile(root, MARK) === null ? [MARK] : []),

    updates: async () => parseUpdates((await tool.ask(commands.updates())).text),
    refresh: commands.refresh,
    refreshProblems: ({ status, text, lastLine }) => (status === 0 ? [] : [parseErrors(text) || lastLine]),

    find,
    isFileOf: (file, { name, version }) =>
      file.startsWith(`${name}-${version}-`) &&
      /^[^-]+\.pkg\.tar(\.\w+)?$/.test(file.slice(name.length + version.length + 2)),

    async resolve(wanted: readonly Wanted[]): Promise<Resolution> {
      const known = await offered();
      const [specs, files, missing]: [string[], string[], string[]] = [[], [], []];
      for (const { exact, file } of wanted) {
        const own = known.find(({ name, version }) => name === exact.name && version === exact.version);
        if (own) specs.push(`${own.repository}/${own.name}`);
        else if (file !== null) files.push(file);
        else missing.push(`${exact.name} ${exact.version}`);
      }
      if (missing.length > 0) throw unavailable(missing);
      const printed = new Map<string, PlannedPackage>();
      for (const argv of [
        ...(files.length > 0 ? [commands.simulateFiles(files)] : []),
        ...(specs.length > 0 ? [commands.simulate(specs)] : []),
      ]) {
        const end = await tool.ask(argv);
        if (end.status !== 0) throw cannotBegin(end);
        for (const each of parsePrinted(end.text)) if (!printed.has(each.name)) printed.set(each.name, asPlanned(each));
      }
      return { planned: [...printed.values()], removals: [] };
    },

    fetch: (planned, directory) =>
      tool.act(
        commands.download(
          planned.map(({ spec }) => spec),
          directory,
        ),
      ),
    apply: commands.files,
    again: commands.files,

    async resolveRemoval(names) {
      const end = await tool.ask(commands.simulateRemoval(names));
      if (end.status !== 0) throw cannotBegin(end);
      return parsePrinted(end.text).map(({ name, version }) => ({ name, from: version, to: null }));
    },
    remove: commands.remove,

    changedConffiles: async names => parseChangedConffiles((await tool.ask(commands.information(names))).text),
    filesOf: async names => (await tool.ask(commands.filesOf(names))).text.split('\n'),

    cleaning: { caches: ['/var/cache/pacman/pkg'], clear: commands.clearCache },

    async mark(as, names) {
      const held = new Set(heldByOrders());
      for (const name of names) {
        if (as === 'hold') held.add(name);
        else held.delete(name);
      }
      await writeHeld([...held].sort());
      return tool.ask(commands.ignored());
    },

    succeeded: ({ status }) => status === 0,
    failures: parseFailures,
    conffiles: parseConffiles,
    errors: parseErrors,
    normal: version => version.replace(/^0*:/, ''),
  };

  function heldByOrders(): string[] {
    const path = resolveBelow(root, HELD);
    if (!existsSync(path)) return [];
    return [...readFileSync(path, 'utf8').matchAll(/^IgnorePkg *= *(\S+)$/gm)].map(([, name = '']) => name);
  }

  /** The line that reads it goes right below [options], once. */
  async function writeHeld(names: readonly string[]): Promise<void> {
    const [own, configuration] = [resolveBelow(root, HELD), resolveBelow(root, CONFIGURATION)];
    mkdirSync(dirname(own), { recursive: true });
    const lines = ['# Packages that are held by orders.', '[options]', ...names.map(name => `IgnorePkg = ${name}`), ''];
    await writeFileAtomically(own, lines.join('\n'), 0o644);
    const text = readFileSync(configuration, 'utf8');
    if (text.split('\n').includes(INCLUDE)) return;
    await writeFileAtomically(
      configuration,
      text.replace(/^\[options\][^\n]*$/m, line => `${line}\n${INCLUDE}`),
      0o644,
    );
  }
}

const unavailable = (missing: readonly string[]) =>
  new OsPackageProblem(
    'unavailable',
    `${list(missing)} is in none of this server's repositories, and was not fetched before; refresh their lists, or correct the version in the bundle`,
    { packages: missing },
  );

/** pacman's refusal to begin, in our words. */
function cannotBegin(end: ToolEnd): OsPackageProblem {
  const missing = parseMissing(end.text);
  if (missing.length > 0) return unavailable(missing);
  const broken = parseBreaks(end.text);
  if (broken.length > 0)
    return new OsPackageProblem(
      'others',
      `the versions do not fit each other: ${parseErrors(end.text)}; nothing was changed; put ${list(broken)} into the bundle too`,
      { others: broken },
    );
  return new OsPackageProblem(
    'failed',
    `pacman refuses: ${parseErrors(end.text) || end.lastLine}; nothing was changed`,
  );
}
