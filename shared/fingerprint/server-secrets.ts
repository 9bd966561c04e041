/** Globs over files of any Linux server whose content nobody may guess from a digest. */
export const SERVER_SECRETS: readonly string[] = [
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
];
