import { readdirSync, readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { commands } from './apt-commands.ts';
import { keyOf } from './apt-state.ts';
import { OsPackageProblem } from './os-package.ts';
import type { Tool } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/*
 * Pins: which versions the owner of a server wants (apt_preferences(5)). apt itself looks at them only where nobody names a
 * version; an order always names one.
 */

const FILE = '/etc/apt/preferences';
const DIRECTORY = '/etc/apt/preferences.d';

export interface Pin {
  /** Server path of the file that it stands in. */
  file: string;
  /** Its `Package` field. */
  packages: string;
  /** As it is written: `Pin: version 1.0*, Pin-Priority: 1001`. */
  text: string;
}

/** Refuses versions that are newer than what the server's own preferences let apt choose. */
export async function checkPins(
  tool: Tool,
  root: string,
  open: readonly ExactPackage[],
  native: string,
): Promise<void> {
  const pins = readPins(root);
  if (pins.length === 0) return;
  const keys = open.map(exact => keyOf(exact, native));
  const chosen = parseCandidateVersions((await tool.ask(commands.policy(keys))).text);
  const unpinned = parseCandidateVersions((await tool.ask(commands.policyWithoutPins(keys))).text);
  const past = open.filter(exact => {
    const key = keyOf(exact, native);
    const candidate = chosen.get(key) ?? null;
    const isPast = candidate === null || compareDpkgVersions(exact.version, candidate) > 0;
    return isPast && candidate !== (unpinned.get(key) ?? null);
  });
  if (past.length === 0) return;
  const each = past.map(({ name, version }) => {
    const own = pins.filter(({ packages }) => isMeant(packages, name));
    const where = own.map(({ file, text }) => `${file}: "${text}"`).join(', ') || `the files in ${DIRECTORY}`;
    const candidate = chosen.get(name);
    return `${name} is pinned ${candidate ? `to ${candidate}` : 'away'} on this server, and ${version} is past that pin (${where})`;
  });
  throw new OsPackageProblem(
    'held',
    `${each.join('; ')}; nothing was changed; take the pin away or the package out of the bundle`,
    { packages: past.map(({ name }) => name) },
  );
}

/** Pure: `Candidate:` of `apt-cache policy`, by name; absent where no version may be installed. */
export function parseCandidateVersions(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let name = '';
  for (const line of text.split('\n')) {
    name = /^(\S+):$/.exec(line)?.[1] ?? name;
    const version = /^ {2}Candidate: (\S+)$/.exec(line)?.[1];
    if (version !== undefined && version !== '(none)') found.set(name, version);
  }
  return found;
}

/** Pure: the stanzas of one file. */
export function parsePins(file: string, text: string): Pin[] {
  return text.split(/\n\s*\n/).flatMap(stanza => {
    const lines = stanza.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'));
    const of = (name: string) =>
      lines
        .find(line => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    const [packages, pin, priority] = [of('package'), of('pin'), of('pin-priority')];
    if (packages === undefined || pin === undefined) return [];
    return [{ file, packages, text: `Pin: ${pin}${priority === undefined ? '' : `, Pin-Priority: ${priority}`}` }];
  });
}

/** Names, globs and regular expressions between slashes, by blanks; `src:` speaks of sources, which are not known here. */
function isMeant(packages: string, name: string): boolean {
  return packages.split(/\s+/).some(each => {
    const expression = /^\/(.*)\/$/.exec(each)?.[1];
    if (expression === undefined) return matchesGlob(name, each.replace(/:\w+$/, ''));
    try {
      return new RegExp(expression).test(name);
    } catch {
      return false;
    }
  });
}

function readPins(root: string): Pin[] {
  const parts = namesIn(resolveBelow(root, DIRECTORY)).filter(name => /^[\w-]+(\.pref)?$/.test(name));
  return [FILE, ...parts.sort().map(name => `${DIRECTORY}/${name}`)].flatMap(file => {
    try {
      return parsePins(file, readFileSync(resolveBelow(root, file), 'utf8'));
    } catch {
      return [];
    }
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
