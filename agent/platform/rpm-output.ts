import { compareRpmVersions } from '@tidemark/shared/versions/rpm.ts';
import type { InstalledPackage } from './os-package.ts';
import { OUTPUT_LINES, type PackageFailure } from './os-package-problems.ts';

/* What rpm says, itself and through dnf and zypper, read. Pure; the tests have what they really said (rpm 4.18, dnf 4.14, zypper 1.14; locale C.UTF-8). */

/** For `rpm -qa --qf`. */
export const INSTALLED_FORMAT = '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\t%{SOURCERPM}\\t%{VENDOR}\\n';

/** Without an epoch that is zero: `0:1.1-1` and `1.1-1` are one version. */
export const normalRpmVersion = (version: string): string => version.replace(/^0*:/, '');

/** Of `rpm -V`: `S.5....T.  c /etc/demo-svc/demo.conf`; a digest that could not be read is a `?`. */
export const parseChangedConffiles = (text: string): string[] =>
  [...text.matchAll(/^(?:..5\S*|missing) +c (\/.+)$/gm)].map(([, path = '']) => path);

/** `demo-svc-1.1-1.noarch.rpm`: no epoch stands in the name of a file. */
export const rpmFileName = (name: string, version: string, architecture: string): string =>
  `${name}-${version.replace(/^\d+:/, '')}.${architecture}.rpm`;

export const isRpmFileOf = (
  file: string,
  { name, version, architecture }: { name: string; version: string; architecture: string | null },
): boolean => {
  const found = /^(.+)\.([a-z0-9_]+)\.rpm$/.exec(file);
  if (!found?.[1] || found[1] !== `${name}-${version.replace(/^\d+:/, '')}`) return false;
  return architecture === null || architecture === '' || found[2] === architecture;
};

/** By name, several versions of one package in their order; without the keys that rpm keeps as packages. */
export function parseInstalledRpms(text: string, held: ReadonlySet<string>): InstalledPackage[] {
  return text
    .split('\n')
    .flatMap((line): InstalledPackage[] => {
      const [name, architecture, epoch, rest, sourceFile, vendor] = line.split('\t');
      if (!name || !architecture || rest === undefined || name === 'gpg-pubkey') return [];
      const version = normalRpmVersion(`${epoch}:${rest}`);
      const made = vendor === undefined ? {} : { ...sourceOf(sourceFile), origin: vendor === '(none)' ? '' : vendor };
      return [{ name, architecture, version, held: held.has(name), state: 'installed', ...made }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareRpmVersions(a.version, b.version)));
}

/** `openssl-3.0.7-27.el9.src.rpm`: no epoch stands in the name of a file. */
function sourceOf(file = ''): { source?: string; sourceVersion?: string } {
  const [, source, sourceVersion] = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file) ?? [];
  return source && sourceVersion ? { source, sourceVersion } : {};
}

/**
 * Packages of which an older version is still there beside a newer one: a change was cut off before its clean-up. Those
 * that may be there in several versions (kernels) are no such thing.
 */
export function leftoversIn(all: readonly InstalledPackage[], many: ReadonlySet<string>): InstalledPackage[] {
  return all.filter((each, index) => {
    const next = all[index + 1];
    return next?.name === each.name && next.architecture === each.architecture && !many.has(each.name);
  });
}

/** What stands before the words of a script: lines of the manager itself. */
const OWN_LINE =
  /^(\s+(Preparing|Installing|Upgrading|Downgrading|Reinstalling|Running scriptlet|Cleanup|Erasing|Verifying)\s*:|\(\d+\/\d+\)|Additional rpm output|rpm: |Retrieving |Error in )/;

/** `warning: %post(demo-svc-1.2-1.noarch) scriptlet failed, exit status 1`, and `error:` where rpm goes no further. */
export function parseRpmFailures(text: string): PackageFailure[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): PackageFailure[] => {
    const found = /(?:warning|error): (%\w+)\((.+)-[^-]+-[^-]+\.[^.)]+\) scriptlet failed, (.+)$/.exec(line);
    if (found?.[1] && found[2]) {
      const reason = `${found[1]} scriptlet failed, ${found[3]}`;
      return [{ name: found[2], script: found[1], reason, output: wordsBefore(lines.slice(0, index)) }];
    }
    const unpacking = /error: unpacking of archive failed(?: on file (\S+))?.*: (.+)$/.exec(line);
    if (!unpacking) return [];
    const name = /(?:error: |Error unpacking rpm package )(\S+)-[^-]+-[^-]+?(?:\.\w+)?(?:: install failed)?$/.exec(
      lines.slice(index + 1).find(next => /install failed|Error unpacking/.test(next)) ?? '',
    )?.[1];
    return [{ name: name ?? 'a package', script: null, reason: line.trim(), output: [] }];
  });
}

function wordsBefore(lines: readonly string[]): string[] {
  const output: string[] = [];
  for (let at = lines.length - 1; at >= 0 && output.length < OUTPUT_LINES; at--) {
    const line = lines[at] ?? '';
    if (OWN_LINE.test(line)) break;
    if (line.trim() !== '') output.unshift(line.trim());
  }
  return output;
}

/** `warning: /etc/x created as /etc/x.rpmnew`: the server's stays; `saved as .rpmsave`: the package's has taken its place. */
export function parseRpmConffiles(text: string): { path: string; other: string; kept: boolean }[] {
  return [...text.matchAll(/warning: (\/.+) (created|saved) as (\/.+\.rpm(?:new|save|orig))$/gm)].map(
    ([, path = '', how, other = '']) => ({ path, other, kept: how === 'created' }),
  );
}
