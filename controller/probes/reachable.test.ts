import { describe, expect, it } from 'vitest';
import { reachable } from './reachable.ts';

describe('gates', () => {
  it.each(['10.77.1.7', '172.16.0.1', '192.168.1.1', '93.184.216.34', 'fd00::1', '2001:db8::1', '::ffff:10.0.0.1'])(
    'may ask %s',
    address => {
      expect(reachable()(address)).toBe(true);
    },
  );

  it.each([
    ...['127.0.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:169.254.169.254', '64:ff9b::7f00:1'],
  ])('may not ask %s', address => {
    expect(reachable()(address)).toBe(false);
  });

  it('may ask what the configuration opens, and nothing beside it', () => {
    const may = reachable(['127.0.0.1/32', 'fe80::/64']);
    expect(['127.0.0.1', 'fe80::1', '127.0.0.2', '169.254.0.1'].map(may)).toEqual([true, true, false, false]);
  });
});
