import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import { describe, expect, it } from 'vitest';
import { difference, type StatedMeta } from './stated-meta.ts';

const PING = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const LABEL = Buffer.from('system_u:object_r:bin_t:s0');
const found = (change: Partial<Meta> = {}): Meta => ({
  ...{ mode: 0o755, owner: 'root', group: 'root', attributes: new Map() },
  ...change,
});
const stated = (change: Partial<StatedMeta> = {}): StatedMeta => ({
  ...{ mode: 0o755, owner: 'root', group: 'root', capabilities: null },
  ...change,
});

describe('what a package says of who may do what', () => {
  it.each([
    ['is so', stated(), found(), null],
    [
      'is so, with a label that no package says',
      stated(),
      found({ attributes: new Map([['security.selinux', LABEL]]) }),
      null,
    ],
    ['is not said', stated({ mode: null, owner: null, group: null }), found({ mode: 0o4777, owner: 'eve' }), null],
    ['lost its setuid bit', stated({ mode: 0o4755 }), found(), ['4755 root:root', '0755 root:root']],
    ['got one', stated(), found({ mode: 0o4755 }), ['0755 root:root', '4755 root:root']],
    ['has another owner', stated(), found({ owner: 'eve' }), ['0755 root:root', '0755 eve:root']],
    ['has another group', stated({ group: 'tty' }), found(), ['0755 root:tty', '0755 root:root']],
    [
      'has its capabilities',
      stated({ capabilities: 'cap_net_raw=ep' }),
      found({ attributes: new Map([['security.capability', PING]]) }),
      null,
    ],
    [
      'lost its capabilities',
      stated({ capabilities: 'cap_net_raw=ep' }),
      found(),
      ['0755 root:root, cap_net_raw=ep', '0755 root:root, no capabilities'],
    ],
    [
      'got capabilities',
      stated({ capabilities: '' }),
      found({ attributes: new Map([['security.capability', PING]]) }),
      ['0755 root:root, no capabilities', '0755 root:root, cap_net_raw=ep'],
    ],
    [
      'got capabilities of which the format says nothing',
      stated(),
      found({ attributes: new Map([['security.capability', PING]]) }),
      null,
    ],
  ] as const)('%s', (_, said, is, wanted) => {
    expect(difference(said, is)).toEqual(wanted === null ? null : { expected: wanted[0], found: wanted[1] });
  });
});
