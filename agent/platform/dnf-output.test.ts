import { describe, expect, it } from 'vitest';
import {
  parseCandidates,
  parseErrors,
  parseExcluded,
  parseTransaction,
  parseUnmatched,
  parseVersionLocks,
} from './dnf-output.ts';

/* As dnf 4.14 of Debian 12 said it. */

const TABLE = (rows: string) => `Last metadata expiration check: 0:00:01 ago on Sat Nov 21 15:31:20 2026.
Dependencies resolved.
================================================================================
 Package             Architecture      Version             Repository      Size
================================================================================
${rows}
Transaction Summary
================================================================================
Upgrade  2 Packages

Total size: 11 k
Operation aborted.
`;

describe('the table of a transaction', () => {
  it('has what comes', () => {
    const rows = `Upgrading:
 demo-app            noarch            1.1-1               lab            5.4 k
 demo-lib            noarch            1.1-1               lab            5.4 k
`;
    expect(parseTransaction(TABLE(rows))).toEqual({
      planned: [
        { name: 'demo-app', architecture: 'noarch', version: '1.1-1' },
        { name: 'demo-lib', architecture: 'noarch', version: '1.1-1' },
      ],
      removals: [],
    });
  });

  it('has what goes, with those that need it', () => {
    const rows = `Removing:
 demo-lib            noarch            1.0-1              @lab              0  
Removing dependent packages:
 demo-app            noarch            1.0-1              @lab              0  
`;
    expect(parseTransaction(TABLE(rows)).removals).toEqual([
      { name: 'demo-lib', from: '1.0-1', to: null },
      { name: 'demo-app', from: '1.0-1', to: null },
    ]);
  });

  /* Not recorded: the form that dnf's own source gives long names and replaced packages (dnf/cli/output.py). */
  it('has rows that did not fit into one line, and what they replace', () => {
    const rows = `Installing:
 a-package-with-a-name-that-is-longer-than-its-column
                     x86_64            1:2.0-3.el9         lab             10 M
     replacing  an-old-one.x86_64 1.0-1.el9
Installing dependencies:
 demo-lib            noarch            1.1-1               lab            5.4 k
`;
    expect(parseTransaction(TABLE(rows))).toEqual({
      planned: [
        {
          name: 'a-package-with-a-name-that-is-longer-than-its-column',
          architecture: 'x86_64',
          version: '1:2.0-3.el9',
        },
        { name: 'demo-lib', architecture: 'noarch', version: '1.1-1' },
      ],
      removals: [{ name: 'an-old-one', from: '1.0-1.el9', to: null }],
    });
  });

  it('is not in a refusal', () => {
    const text = 'No match for argument: demo-svc-9.9-9\nError: Unable to find a match: demo-svc-9.9-9\n';
    expect(parseTransaction(text).planned).toEqual([]);
    expect(parseUnmatched(text)).toEqual(['demo-svc-9.9-9']);
    expect(parseErrors(text)).toBe('Error: Unable to find a match: demo-svc-9.9-9');
  });
});

it('names what a lock keeps away', () => {
  const text = `All matches were filtered out by exclude filtering for argument: demo-svc-1.1-1
Error: Unable to find a match: demo-svc-1.1-1
`;
  expect(parseExcluded(text)).toEqual(['demo-svc-1.1-1']);
});

it('reads candidates, where an epoch of zero is none', () => {
  const text = 'demo-svc\t0:1.1-1\tnoarch\t6714\t32\tPackages/d/demo-svc-1.1-1.noarch.rpm\n';
  expect(parseCandidates(text)).toEqual([
    {
      name: 'demo-svc',
      version: '1.1-1',
      architecture: 'noarch',
      downloadBytes: 6714,
      unpackedBytes: 32,
      file: 'demo-svc-1.1-1.noarch.rpm',
    },
  ]);
});

it('reads version locks, and not what keeps a single version away', () => {
  const lines = [
    '',
    '# Added lock on Sat Nov 21 15:32:34 2026',
    'demo-svc-0:1.0-1.*',
    '!zsh-0:5.8-1.*',
    'gcc-c++-11-1.*',
  ];
  expect(parseVersionLocks(lines)).toEqual(['demo-svc', 'gcc-c++']);
});
