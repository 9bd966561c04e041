import { type Normaliser, type Plane, profileDigest, type ScanProfile } from './profile.ts';
import { SERVER_SECRETS } from './server-secrets.ts';

/*
 * Profiles that come with Tidemark. Peers under one of them are compared; what a rule leaves out, or lets differ, has its
 * reason here. A change of what is looked at is a new version.
 */

/** File systems that a server's own software lies on: not the network's, not the kernel's. */
const OWN_FILE_SYSTEMS = ['ext', 'xfs', 'btrfs', 'zfs', 'f2fs', 'jfs', 'vfat', 'overlay', 'squashfs', 'erofs'];

const TEXT: Normaliser[] = ['timestamps', 'uuids', 'addresses', 'hostname'];

const free = (path: string, reason: string) => ({ path, how: 'free' as const, reason });
const generated = (path: string, reason: string) => ({ path, how: 'generated' as const, reason });

/** A whole Linux server: what its packages installed, what was put beside them, and its configuration. */
export const LINUX_SERVER: ScanProfile = {
  name: 'linux-server',
  version: 2,
  roots: [
    { path: '/bin', plane: 'software' },
    { path: '/sbin', plane: 'software' },
    { path: '/lib', plane: 'software' },
    { path: '/lib32', plane: 'software' },
    { path: '/lib64', plane: 'software' },
    { path: '/usr', plane: 'software' },
    { path: '/opt', plane: 'software' },
    { path: '/boot', plane: 'software' },
    { path: '/etc', plane: 'config' },
  ],
  ignore: [
    // Backups that the tools of passwd(5) leave behind, and a lock.
    '/etc/passwd-',
    '/etc/group-',
    '/etc/shadow-',
    '/etc/gshadow-',
    '/etc/subuid-',
    '/etc/subgid-',
    '/etc/.pwd.lock',
    '/etc/mtab',
  ],
  planes: [{ path: '/boot/grub*/grub.cfg', plane: 'config' }],
  expect: [
    ...[
      '/usr/share/mime/**',
      '/usr/share/applications/mimeinfo.cache',
      '/usr/share/icons/**/icon-theme.cache',
      '/usr/share/info/dir',
      '/usr/share/glib-2.0/schemas/gschemas.compiled',
      '/usr/lib/**/gio/modules/giomodule.cache',
      '/usr/lib/**/gconv-modules.cache',
      '/usr/lib/**/loaders.cache',
      '/usr/lib/locale/locale-archive',
      '/etc/ld.so.cache',
    ].map(path => generated(path, 'an index of files that are compared themselves')),
    ...[
      '/usr/lib/**/__pycache__/**',
      '/usr/share/**/__pycache__/**',
      '/usr/local/lib/**/__pycache__/**',
      '/opt/**/__pycache__/**',
    ].map(path => generated(path, 'made of Python files that are compared themselves')),
    generated('/usr/lib/modules/*/modules.*', 'an index of kernel modules that are compared themselves'),
    generated('/usr/share/fonts/**/.uuid', 'a mark of the font cache'),
    generated('/etc/ssl/certs/java/cacerts', 'a collection of certificates that are compared themselves'),
    generated('/boot/grub*/grubenv', 'what the boot loader remembers between two boots'),
    generated('/boot/initrd*', 'holds a random seed, and is made of files that are compared themselves'),
    generated('/boot/initramfs*', 'holds a random seed, and is made of files that are compared themselves'),
    generated('/etc/.updated', 'the time of an update'),
    generated('/usr/.updated', 'the time of an update'),
    generated('/etc/.resolv.conf.systemd-resolved.bak', 'a copy of what configured the network'),
    {
      path: '/etc/ssh/ssh_host_*',
      how: 'must-differ',
      reason: 'two hosts with one SSH host key can be taken for each other',
    },
    { path: '/etc/machine-id', how: 'must-differ', reason: 'two hosts with one machine id were cloned carelessly' },
    free('/etc/hostname', 'the name of the host'),
    free('/etc/hosts', 'holds the name and the addresses of the host'),
    free('/etc/mailname', 'the name of the host'),
    free('/etc/resolv.conf', 'written by what configures the network'),
    free('/etc/network/interfaces*', 'the addresses of the host'),
    free('/etc/network/interfaces.d/**', 'the addresses of the host'),
    free('/etc/netplan/**', 'the addresses of the host'),
    free('/etc/systemd/network/**', 'the addresses of the host'),
    free('/etc/NetworkManager/system-connections/**', 'the addresses of the host'),
    free('/etc/sysconfig/network-scripts/**', 'the addresses of the host'),
    free('/etc/iscsi/initiatorname.iscsi', 'the name of this host at its storage'),
    free('/etc/adjtime', 'the drift of the clock of the host'),
    free('/etc/fstab', 'names file systems by their ids'),
    free('/etc/crypttab', 'names file systems by their ids'),
    free('/etc/lvm/**', 'the volumes of the host'),
    free('/boot/grub*/grub.cfg', 'names file systems by their ids'),
    free('/boot/loader/**', 'names file systems by their ids'),
    free('/etc/shadow', 'passwords have salts of their own'),
    free('/etc/gshadow', 'passwords have salts of their own'),
    free('/etc/ssl/private/**', 'keys of the host'),
    free('/etc/ssl/certs/ssl-cert-snakeoil.pem', 'a certificate that the host made for itself'),
    free('/etc/pki/tls/private/**', 'keys of the host'),
    free('/etc/tidemark/**', 'the settings of the agent on this host'),
  ],
  normalise: [
    { path: '/etc/**/*.conf', rules: TEXT },
    { path: '/etc/**/*.cfg', rules: TEXT },
    { path: '/etc/**/*.cnf', rules: TEXT },
    { path: '/etc/**/*.ini', rules: [...TEXT, 'key-order'] },
    { path: '/etc/**/*.properties', rules: [...TEXT, 'key-order'] },
    { path: '/etc/**/*.yaml', rules: TEXT },
    { path: '/etc/**/*.yml', rules: TEXT },
    { path: '/etc/ssh/sshd_config', rules: TEXT },
  ],
  secret: [...SERVER_SECRETS],
  fileSystems: OWN_FILE_SYSTEMS,
};

/** What running applications leave in their directories. Programs among it are findings all the same. */
const LEFT_BY_APPLICATIONS: readonly (readonly [string, string])[] = [
  ['*.pid', 'the number of a process'],
  ['*.lock', 'a lock'],
  ['*.sock', 'a socket'],
  ['__pycache__/**', 'made of Python files that are compared themselves'],
  ['tmp/**', 'a directory for what is needed for a while'],
  ['cache/**', 'a cache'],
  ['.cache/**', 'a cache'],
  ['*.log', 'a log'],
  ['*.log.*', 'a log that was put aside'],
  ['log/**', 'a log'],
  ['logs/**', 'a log'],
];

/** Directories of applications: everything in them is compared, but for what running ones leave behind. */
export function applicationProfile(
  roots: readonly { path: string; plane: Plane }[],
  own: ScanProfile['expect'] = [],
): ScanProfile {
  const below = (pattern: string): string[] => roots.map(({ path }) => `${path.replace(/\/+$/, '')}/**/${pattern}`);
  return {
    name: 'applications',
    version: 3,
    roots: roots.map(({ path, plane }) => ({ path, plane })),
    ignore: [],
    expect: [
      ...own,
      ...LEFT_BY_APPLICATIONS.flatMap(([pattern, reason]) => below(pattern).map(path => generated(path, reason))),
    ],
    normalise: ['*.conf', '*.properties', '*.ini', '*.yaml', '*.yml']
      .flatMap(below)
      .map(path => ({ path, rules: TEXT })),
    secret: ['*.key', '*.jks', '*.p12', '*.pfx', '*.keystore', '.pgpass'].flatMap(below),
    fileSystems: OWN_FILE_SYSTEMS,
  };
}

/** Every agent knows these, so that a scan under one needs nobody's signature: what it looks at came with the agent. */
export const BUILT_IN_PROFILES: readonly ScanProfile[] = [LINUX_SERVER];

export const isBuiltIn = (profile: ScanProfile): boolean =>
  BUILT_IN_PROFILES.some(known => profileDigest(known) === profileDigest(profile));
