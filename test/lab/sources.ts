import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Where this machine's own Debian comes from: the lab names no archive of its own. */
export interface DebianSources {
  /** `bookworm` */
  release: string;
  archive: string;
  /** Null where the machine has none: then no updates are pending in the lab. */
  security: string | null;
}

/** Reads them from the machine; throws with what is missing on one that is no Debian. */
export function debianSources(): DebianSources {
  const directory = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(directory) ? readdirSync(directory).map(name => `${directory}/${name}`) : []),
  ].filter(existsSync);
  const system = readFileSync('/etc/os-release', 'utf8');
  return parseSources(
    system,
    files.map(file => readFileSync(file, 'utf8')),
  );
}

/** Pure part of {@link debianSources}: `os-release` and the files with apt's sources, in both of apt's formats. */
export function parseSources(osRelease: string, files: readonly string[]): DebianSources {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(osRelease)?.[1];
  if (release === undefined) throw new Error('/etc/os-release names no release: the lab needs a Debian machine');
  const entries = files.flatMap(text => [...linesOf(text), ...paragraphsOf(text)]);
  const archive = entries.find(({ suites }) => suites.includes(release))?.uri;
  if (archive === undefined) throw new Error(`apt has no source for ${release}: the lab takes Debian from there`);
  const security = entries.find(({ suites }) => suites.includes(`${release}-security`))?.uri ?? null;
  return { release, archive, security };
}

interface Source {
  uri: string;
  suites: string[];
}

/** `deb [options] URI SUITE COMPONENT...` */
function linesOf(text: string): Source[] {
  return [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm)].map(([, uri = '', suite = '']) => ({
    uri,
    suites: [suite],
  }));
}

/** deb822: paragraphs of `Types:`, `URIs:`, `Suites:`. */
function paragraphsOf(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap(paragraph => {
    const words = (key: string) =>
      new RegExp(`^${key}:[ \\t]*(.*)$`, 'mi').exec(paragraph)?.[1]?.split(/\s+/).filter(Boolean) ?? [];
    const [uri] = words('URIs');
    return uri !== undefined && words('Types').includes('deb') ? [{ uri, suites: words('Suites') }] : [];
  });
}
