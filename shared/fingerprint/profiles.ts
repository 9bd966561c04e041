import type { Normaliser, Plane, ScanProfile } from './profile.ts';

/*
 * Profiles that come with Tidemark. Peers under one of them are compared; what a rule leaves out, or lets differ, has its
 * reason here. A change of what is looked at is a new version.
 */

/** File systems that a server's own software lies on: not the network's, not the kernel's. */
const OWN_FILE_SYSTEMS = ['ext', 'xfs', 'btrfs', 'zfs', 'f2fs', 'jfs', 'vfat', 'overlay', 'squashfs', 'erofs'];

const TEXT: Normaliser[] = ['timestamps', 'uuids', 'addresses', 'hostname'];

const free = (path: string, reason: string) => ({ path, how: 'free' as const, reason });

/** A whole Linux server: what its packages installed, what was put beside them, and its configuration. */
export const LINUX_SERVER: ScanProfile = {
  name: 'linux-server',
  version: 1,
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
    // Made on the server from what is compared anyway, differently each time.
    '/usr/share/mime/mime.cache',
    '/usr/share/applications/mimeinfo.cache',
    '/usr/share/icons/**/icon-theme.cache',
    '/usr/share/info/dir',
    '/usr/lib/locale/locale-archive',
    '/usr/lib/**/gconv-modules.cache',
    '/usr/lib/**/loaders.cache',
    '/usr/lib/**/__pycache__',
    '/usr/share/**/__pycache__',
    '/usr/local/lib/**/__pycache__',
    '/opt/**/__pycache__',
    '/usr/lib/modules/*/modules.*.bin',
    '/usr/share/fonts/**/.uuid',
    '/etc/ld.so.cache',
    '/etc/ssl/certs/java/cacerts',
    // Holds a random seed, and what the boot loader remembers between two boots.
    '/boot/grub*/grubenv',
    '/boot/initrd*',
    '/boot/initramfs*',
    // Backups that the tools of passwd(5) leave behind.
    '/etc/passwd-',
    '/etc/group-',
    '/etc/shadow-',
    '/etc/gshadow-',
    '/etc/subuid-',
    '/etc/subgid-',
    '/etc/.pwd.lock',
    '/etc/.updated',
    '/etc/mtab',
  ],
  planes: [{ path: '/boot/grub*/grub.cfg', plane: 'config' }],
  expect: [
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
    free('/etc/tidemark-agent/**', 'the settings of the agent on this host'),
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
  secret: [
    '/etc/shadow',
    '/etc/gshadow',
    '/etc/ssh/ssh_host_*_key',
    '/etc/ssl/private/**',
    '/etc/pki/tls/private/**',
    '/etc/NetworkManager/system-connections/**',
    '/etc/**/*.key',
    '/etc/**/.pgpass',
    '/etc/krb5.keytab',
    '/etc/sudoers.d/**',
  ],
  fileSystems: OWN_FILE_SYSTEMS,
};

/** Directories of applications: everything in them is compared, but for what running ones leave behind. */
export function applicationProfile(roots: readonly { path: string; plane: Plane }[]): ScanProfile {
  const below = (pattern: string): string[] => roots.map(({ path }) => `${path.replace(/\/+$/, '')}/**/${pattern}`);
  return {
    name: 'application-directories',
    version: 1,
    roots: roots.map(({ path, plane }) => ({ path, plane })),
    ignore: ['*.pid', '*.lock', '*.sock', '__pycache__', 'tmp/*', 'cache/*'].flatMap(below),
    expect: ['*.log', '*.log.*', 'logs/*']
      .flatMap(below)
      .map(path => ({ path, how: 'growing' as const, reason: 'a log' })),
    normalise: ['*.conf', '*.properties', '*.ini', '*.yaml', '*.yml']
      .flatMap(below)
      .map(path => ({ path, rules: TEXT })),
    secret: ['*.key', '*.jks', '*.p12', '*.pfx', '*.keystore'].flatMap(below),
    fileSystems: OWN_FILE_SYSTEMS,
  };
}
