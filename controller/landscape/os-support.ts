import type { OsSupport } from './landscape.ts';

/**
 * Until when releases are supported with security updates for everybody who uses them, without a further contract.
 * Written down on 2026-12-01 from what their makers had announced; `source` is where each can be looked up. Where a maker
 * names a month, it is the earliest that is named. A site that knows better says so in its landscape (`osSupport`).
 */
const DEBIAN = 'https://wiki.debian.org/LTS';
const UBUNTU = 'https://ubuntu.com/about/release-cycle';
const RED_HAT = 'https://access.redhat.com/support/policy/updates/errata';
const ROCKY = 'https://wiki.rockylinux.org/rocky/version/';
const ALMA = 'https://wiki.almalinux.org/release-notes/';
const SUSE = 'https://www.suse.com/lifecycle';
const ALPINE = 'https://alpinelinux.org/releases/';

const of = (os: string, source: string, ends: Record<string, string>): OsSupport[] =>
  Object.entries(ends).map(([release, end]) => ({ os, release, ends: end, source }));

export const KNOWN_OS_SUPPORT: readonly OsSupport[] = [
  ...of('debian', DEBIAN, { '10': '2024-06-30', '11': '2026-08-31', '12': '2028-06-30', '13': '2030-06-30' }),
  ...of('ubuntu', UBUNTU, { '20.04': '2025-05-31', '22.04': '2027-04-30', '24.04': '2029-04-30' }),
  ...of('rhel', RED_HAT, { '7': '2024-06-30', '8': '2029-05-31', '9': '2032-05-31', '10': '2035-05-31' }),
  ...of('rocky', ROCKY, { '8': '2029-05-31', '9': '2032-05-31', '10': '2035-05-31' }),
  ...of('almalinux', ALMA, { '8': '2029-05-31', '9': '2032-05-31', '10': '2035-05-31' }),
  ...of('sles', SUSE, { '15.6': '2025-12-31', '15.7': '2031-07-31' }),
  ...of('alpine', ALPINE, { '3.20': '2026-04-01', '3.21': '2026-11-01', '3.22': '2027-05-01' }),
];
