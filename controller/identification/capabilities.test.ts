import { describe, expect, it } from 'vitest';
import {
  capabilitiesFromAttribute,
  capabilitiesFromText,
  capabilitiesText,
  NO_CAPABILITIES,
  sameCapabilities,
} from './capabilities.ts';

const RAW = 1n << 13n;
const ADMIN = 1n << 12n;

describe('capabilities as packages write them', () => {
  it.each([
    ['', NO_CAPABILITIES],
    ['cap_net_raw=ep', { permitted: RAW, inheritable: 0n, effective: true }],
    ['cap_net_raw+p', { permitted: RAW, inheritable: 0n, effective: false }],
    ['= cap_net_raw+p', { permitted: RAW, inheritable: 0n, effective: false }],
    ['cap_net_admin,cap_net_raw=p', { permitted: RAW | ADMIN, inheritable: 0n, effective: false }],
    ['cap_net_admin,cap_net_raw=ep cap_net_admin-p', { permitted: RAW, inheritable: 0n, effective: true }],
    ['CAP_NET_RAW=i', { permitted: 0n, inheritable: RAW, effective: false }],
    ['cap_no_such=p', null],
    ['cap_net_raw', null],
  ])('%s', (text, wanted) => {
    expect(capabilitiesFromText(text)).toEqual(wanted);
  });

  it.each(['cap_net_raw=ep', 'cap_net_admin,cap_net_raw=p', 'cap_checkpoint_restore=i'])('%s is said again', text => {
    expect(capabilitiesText(capabilitiesFromText(text) ?? NO_CAPABILITIES)).toBe(text);
  });
});

describe('capabilities as file systems keep them', () => {
  // getcap of a Debian system says: /usr/bin/ping cap_net_raw=ep
  const PING = Buffer.from('0100000200200000000000000000000000000000', 'hex');

  it('are the same as written', () => {
    const kept = capabilitiesFromAttribute(PING);
    expect(kept && sameCapabilities(kept, capabilitiesFromText('cap_net_raw=ep') ?? NO_CAPABILITIES)).toBe(true);
  });

  it('of a user namespace count too, and nothing else does', () => {
    const namespaced = Buffer.concat([PING, Buffer.alloc(4)]);
    namespaced[3] = 3;
    expect(capabilitiesFromAttribute(namespaced)).toEqual(capabilitiesFromAttribute(PING));
    expect(capabilitiesFromAttribute(PING.subarray(1))).toBeNull();
    expect(capabilitiesFromAttribute(Buffer.alloc(0))).toBeNull();
  });
});
