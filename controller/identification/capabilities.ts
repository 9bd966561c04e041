/* Capabilities of files: as packages write them (cap_from_text(3)), and as file systems keep them (capabilities(7)). Pure. */

/** linux/capability.h, in the order of their bits. */
const NAMES = [
  ...['chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
  ...['linux_immutable', 'net_bind_service', 'net_broadcast', 'net_admin', 'net_raw', 'ipc_lock', 'ipc_owner'],
  ...['sys_module', 'sys_rawio', 'sys_chroot', 'sys_ptrace', 'sys_pacct', 'sys_admin', 'sys_boot', 'sys_nice'],
  ...['sys_resource', 'sys_time', 'sys_tty_config', 'mknod', 'lease', 'audit_write', 'audit_control', 'setfcap'],
  ...['mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read', 'perfmon', 'bpf'],
  'checkpoint_restore',
];

/** Sets as bits. A file has one bit for all effective ones. */
export interface Capabilities {
  permitted: bigint;
  inheritable: bigint;
  effective: boolean;
}

export const NO_CAPABILITIES: Capabilities = { permitted: 0n, inheritable: 0n, effective: false };

const CLAUSE = /^([a-z0-9_,]*)((?:[=+-][eip]*)+)$/;

/** `cap_net_admin,cap_net_raw=ep`; null where it says something else. */
export function capabilitiesFromText(text: string): Capabilities | null {
  const sets = { e: 0n, i: 0n, p: 0n };
  for (const clause of text.trim().toLowerCase().split(/\s+/).filter(Boolean)) {
    const [, names = '', actions = ''] = CLAUSE.exec(clause) ?? [];
    const bits = bitsOf(names);
    if (actions === '' || bits === null) return null;
    for (const [, operator, flags = ''] of actions.matchAll(/([=+-])([eip]*)/g)) {
      for (const flag of ['e', 'i', 'p'] as const) {
        if (operator === '=') sets[flag] &= ~bits;
        if (!flags.includes(flag)) continue;
        sets[flag] = operator === '-' ? sets[flag] & ~bits : sets[flag] | bits;
      }
    }
  }
  return { permitted: sets.p, inheritable: sets.i, effective: sets.e !== 0n };
}

/** Of no name: all. */
function bitsOf(names: string): bigint | null {
  if (names === '' || names === 'all') return (1n << BigInt(NAMES.length)) - 1n;
  let bits = 0n;
  for (const name of names.split(',')) {
    const at = NAMES.indexOf(name.replace(/^cap_/, ''));
    if (at === -1) return null;
    bits |= 1n << BigInt(at);
  }
  return bits;
}

const [REVISION_2_BYTES, REVISION_3_BYTES] = [20, 24];

/** The attribute `security.capability` (struct vfs_cap_data); null where it is none of revision 2 or 3. */
export function capabilitiesFromAttribute(value: Buffer): Capabilities | null {
  const revision = value.length >= 4 ? value.readUInt32LE(0) >>> 24 : 0;
  if (!(revision === 2 && value.length === REVISION_2_BYTES) && !(revision === 3 && value.length === REVISION_3_BYTES))
    return null;
  const wide = (low: number, high: number) =>
    BigInt(value.readUInt32LE(low)) | (BigInt(value.readUInt32LE(high)) << 32n);
  return { permitted: wide(4, 12), inheritable: wide(8, 16), effective: (value.readUInt32LE(0) & 1) !== 0 };
}

export const sameCapabilities = (a: Capabilities, b: Capabilities): boolean =>
  a.permitted === b.permitted && a.inheritable === b.inheritable && a.effective === b.effective;

/** `cap_net_raw=ep`; `no capabilities` of none. */
export function capabilitiesText({ permitted, inheritable, effective }: Capabilities): string {
  const named = (bits: bigint, flags: string) => {
    const names = NAMES.flatMap((name, at) => ((bits >> BigInt(at)) & 1n ? [`cap_${name}`] : []));
    return names.length === 0 ? [] : [`${names.join(',')}=${flags}`];
  };
  const parts = [...named(permitted, effective ? 'ep' : 'p'), ...named(inheritable & ~permitted, 'i')];
  return parts.length === 0 ? 'no capabilities' : parts.join(' ');
}
