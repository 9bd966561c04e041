import type { OrderName } from '@tidemark/shared/versions/ecosystems.ts';

/*
 * Ecosystems: a set of packages with one meaning of their names and one order of their versions. Advisories name them in the words
 * of OSV (ossf.github.io/osv-schema, "Defined ecosystems") or as package URLs, servers by os-release.
 */

export interface Ecosystem {
  /** `debian:12`, `rocky:9`, `npm` */
  key: string;
  order: OrderName;
}

/** By the name before the first colon; `release` makes the key's second half of what follows it. Null: not a release of it. */
const BY_NAME: Readonly<
  Record<string, { key: string; order: OrderName; release: ((text: string) => string | null) | null }>
> = {
  Debian: { key: 'debian', order: 'deb', release: text => /^\d+$/.exec(text)?.[0] ?? null },
  // `Pro:` has packages of its own, which a server without a subscription never gets.
  Ubuntu: { key: 'ubuntu', order: 'deb', release: text => /^(\d+\.\d+)(:LTS)?$/.exec(text)?.[1] ?? null },
  Alpine: { key: 'alpine', order: 'apk', release: text => /^v(\d+\.\d+)$/.exec(text)?.[1] ?? null },
  'Rocky Linux': { key: 'rocky', order: 'rpm', release: text => /^(\d+)(:|$)/.exec(text)?.[1] ?? null },
  AlmaLinux: { key: 'almalinux', order: 'rpm', release: text => /^(\d+)(:|$)/.exec(text)?.[1] ?? null },
  'Red Hat': { key: 'rhel', order: 'rpm', release: text => /enterprise_linux:(\d+)/.exec(text)?.[1] ?? null },
  SUSE: { key: 'sles', order: 'rpm', release: suseRelease },
  openSUSE: { key: 'opensuse-leap', order: 'rpm', release: text => /^Leap (\d+\.\d+)$/.exec(text)?.[1] ?? null },
  npm: { key: 'npm', order: 'semver', release: null },
  PyPI: { key: 'pypi', order: 'pep440', release: null },
  Maven: { key: 'maven', order: 'maven', release: null },
};

/** `Linux Enterprise Server 15 SP5`, and modules of it, which have the same packages: `15.5`. */
function suseRelease(text: string): string | null {
  const found = /^(?:SUSE )?Linux Enterprise .*?(\d+)(?: SP(\d+))?(?:-\w+)?$/.exec(text);
  return found ? `${found[1]}.${found[2] ?? '0'}` : null;
}

/** Of OSV's `package.ecosystem`; null for one that is not known here. */
export function ecosystemNamed(text: string): Ecosystem | null {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const known = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  if (!known) return null;
  const { key, order, release } = known;
  if (release === null) return { key, order };
  const of = colon < 0 ? null : release(text.slice(colon + 1));
  return of === null ? null : { key: `${key}:${of}`, order };
}

/** Of a server's operating system, by ID and VERSION_ID of os-release(5); null where nobody publishes for it here. */
export function ecosystemOfOs({ id, version }: { id: string; version: string }): Ecosystem | null {
  const [major = '', minor = '0'] = version.split('.');
  switch (id) {
    case 'debian':
      return { key: `debian:${major}`, order: 'deb' };
    case 'ubuntu':
      return { key: `ubuntu:${major}.${minor}`, order: 'deb' };
    case 'alpine':
      return { key: `alpine:${major}.${minor}`, order: 'apk' };
    case 'rocky':
    case 'almalinux':
    case 'rhel':
      return { key: `${id}:${major}`, order: 'rpm' };
    case 'sles':
    case 'sles_sap':
      return { key: `sles:${major}.${minor}`, order: 'rpm' };
    case 'opensuse-leap':
      return { key: `opensuse-leap:${major}.${minor}`, order: 'rpm' };
    default:
      return null;
  }
}

/** By the platform's CPE, as CSAF documents of Red Hat and SUSE have it: `cpe:/o:suse:sles:15:sp5`. */
export function ecosystemOfCpe(cpe: string): Ecosystem | null {
  const parts = cpe
    .replace(/^cpe:2\.3:/, '')
    .replace(/^cpe:\//, '')
    .split(':');
  const [, vendor, product, version = '', update = ''] = parts;
  if (vendor === 'redhat' && product?.startsWith('enterprise_linux') && /^\d+/.test(version))
    return { key: `rhel:${version.split('.')[0]}`, order: 'rpm' };
  if (vendor === 'suse' && /^(sles|sle-|sled|linux_enterprise)/.test(product ?? '') && /^\d+$/.test(version))
    return { key: `sles:${version}.${/^sp(\d+)$/.exec(update)?.[1] ?? '0'}`, order: 'rpm' };
  if (vendor === 'opensuse' && product === 'leap' && /^\d+\.\d+$/.test(version))
    return { key: `opensuse-leap:${version}`, order: 'rpm' };
  if (vendor === 'debian' && product === 'debian_linux')
    return { key: `debian:${version.split('.')[0]}`, order: 'deb' };
  return null;
}

/** Whether advisories of it may name binary packages: those of rpm do, by AlmaLinux and Red Hat. */
export const namesBinaries = (order: OrderName): boolean => order === 'rpm';
