import type { ListedFile } from './file-list.ts';
import { mergedPath } from './paths.ts';

/*
 * Scripts of a package are programs, and what they do is not known before they run. Two of the things that they do are
 * said in words that need no shell to be read: links that update-alternatives makes, and places to which dpkg-divert moves
 * another package's file. Whatever is not written out (a variable, a loop) is passed over.
 */

/** Scripts of people have some kilobytes. */
const MAX_SCRIPT_BYTES = 1024 * 1024;
/** Compilers have some hundred alternatives. */
const MAX_GENERATED = 2_000;
const PATH = /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9@%+=:,.~_[-]{1,255})+$/;
const NAME = /^[A-Za-z0-9@%+=:,.~_[-]{1,255}$/;

/** What these scripts make of their own, as far as they say it: none of it need be there, and its content is not known. Pure. */
export function generatedBy(scripts: readonly string[]): ListedFile[] {
  const found = new Map<string, ListedFile>();
  for (const words of scripts.flatMap(commandsOf)) {
    const at = words.findIndex(word => /(^|\/)(update-alternatives|alternatives|dpkg-divert)$/.test(word));
    if (at === -1) continue;
    const given = words.slice(at + 1);
    const made = words[at]?.endsWith('dpkg-divert') ? diverted(given) : alternatives(given);
    for (const file of made) if (!found.has(file.path) && found.size < MAX_GENERATED) found.set(file.path, file);
  }
  return [...found.values()];
}

/** Commands as lists of words: lines that go on are one, and what stands in quotes is one word. */
function commandsOf(script: string): string[][] {
  return script
    .slice(0, MAX_SCRIPT_BYTES)
    .replace(/\\\n/g, ' ')
    .split(/\n|;|&&|\|\|?/)
    .filter(line => !line.trimStart().startsWith('#'))
    .map(line => (line.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? []).map(word => word.replace(/^(["'])(.*)\1$/, '$2')));
}

/** update-alternatives(1): `--install LINK NAME PATH PRIORITY`, and then `--slave LINK NAME PATH` as often as one likes. */
function alternatives(words: readonly string[]): ListedFile[] {
  if (!words.includes('--install')) return [];
  return words.flatMap((word, at) => {
    if (!['--install', '--slave', '--follower'].includes(word)) return [];
    const [link = '', name = '', target = ''] = words.slice(at + 1, at + 4);
    if (!PATH.test(link) || !NAME.test(name) || !PATH.test(target)) return [];
    const chosen = `/etc/alternatives/${name}`;
    return [generated(link, chosen), generated(chosen, target)];
  });
}

/** dpkg-divert(1): `[--add] [--divert TO] FILE`; without a place it is the file's own name and `.distrib`. */
function diverted(words: readonly string[]): ListedFile[] {
  if (words.some(word => ['--remove', '--list', '--listpackage', '--truename'].includes(word))) return [];
  const values = new Set(['--divert', '--package', '--instdir', '--admindir', '--root']);
  const file = words.findLast((word, at) => PATH.test(word) && !values.has(words[at - 1] ?? ''));
  const to = words.includes('--divert') ? words[words.indexOf('--divert') + 1] : `${file}.distrib`;
  return file !== undefined && to !== undefined && PATH.test(to) ? [generated(to, null)] : [];
}

const generated = (path: string, target: string | null): ListedFile => ({
  path: mergedPath(path, false),
  kind: target === null ? 'file' : 'symlink',
  flags: ['generated', 'missing-ok'],
  mode: null,
  owner: null,
  group: null,
  size: 0,
  sha256: null,
  target,
});
