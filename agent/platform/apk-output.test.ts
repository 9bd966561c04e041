import { describe, expect, it } from 'vitest';
import { parseIndex } from './apk-index.ts';
import {
  parseChanges,
  parseErrors,
  parseFailures,
  parseInstalled,
  parsePolicy,
  parseRefusal,
  parseUpdates,
  parseWorld,
  saysLocked,
} from './apk-output.ts';

/* As apk-tools 2.14.10 and 3.0.6, built from their source, said and wrote it. */

const DATABASE = `C:Q1OptYtJWSGpfqs/igTGZvw7x5x2Q=
P:demo-app
V:1.0-r0
A:x86_64
S:971
I:3
T:demo-app of the lab
D:demo-lib=1.0-r0
F:usr
F:usr/share/demo-app
R:version
Z:Q16NwFfTNG5WrtfPJSGF2+H6ZFRBE=

C:Q1X3U5tPPYZxZP+YHPTCeNpLXS8kM=
P:demo-svc
V:1.2-r0
A:noarch
S:1231
I:88
f:s
F:etc
F:etc/demo-svc
R:demo.conf
Z:Q1JF4RlLkGGlPZ1pVxbvHoMqMsnKU=

`;

it('reads what is installed, what of it is broken, and what is held', () => {
  expect(parseInstalled(DATABASE, new Set(['demo-app']))).toEqual([
    { name: 'demo-app', version: '1.0-r0', architecture: 'x86_64', held: true, state: 'installed' },
    { name: 'demo-svc', version: '1.2-r0', architecture: 'noarch', held: false, state: 'broken-script' },
  ]);
});

it('reads what the owner wants: in a version, from a tagged repository, and what was installed from a file', () => {
  const text =
    'alpine-base\ndemo-app=1.0-r0\ndemo-svc><Q1X3U5tPPYZxZP+YHPTCeNpLXS8kM=\nnginx@edge>1.26\npython3~3.12\n';
  expect(parseWorld(text).map(({ name, pinned, byFile }) => [name, pinned, byFile])).toEqual([
    ['alpine-base', false, false],
    ['demo-app', true, false],
    ['demo-svc', false, true],
    ['nginx', true, false],
    ['python3', true, false],
  ]);
});

it('reads what it would do', () => {
  const text = `(1/5) Upgrading demo-lib (1.0-r0 -> 1.1-r0)
(2/5) Downgrading demo-svc@edge (1.2-r0 -> 1.1-r0)
( 3/5) Installing demo-app (1.0-r0)
(4/5) Purging old-lib (3.0-r1)
(5/5) Reinstalling demo-doc (1.0-r0)
1 error; 0 MiB in 3 packages
`;
  expect(parseChanges(text)).toEqual([
    { name: 'demo-lib', from: '1.0-r0', to: '1.1-r0' },
    { name: 'demo-svc', from: '1.2-r0', to: '1.1-r0' },
    { name: 'demo-app', from: null, to: '1.0-r0' },
    { name: 'old-lib', from: '3.0-r1', to: null },
    { name: 'demo-doc', from: '1.0-r0', to: '1.0-r0' },
  ]);
});

it('reads which repository has which version, and does not count what is only installed', () => {
  const text = `demo-svc policy:
  0.9-r3:
    lib/apk/db/installed
  1.0-r0:
    lib/apk/db/installed
    http://127.0.0.1:35777
  1.1-r0:
    @edge http://127.0.0.1:35778/edge
`;
  expect([...(parsePolicy(text).get('demo-svc') ?? [])]).toEqual([
    ['0.9-r3', []],
    ['1.0-r0', ['http://127.0.0.1:35777']],
    ['1.1-r0', ['http://127.0.0.1:35778/edge']],
  ]);
});

it('reads what is newer, and how large packages are', () => {
  const text = `Installed:                                Available:
demo-app-1.0-r0                         < 1.1-r0 
py3-demo-2.0.1-r1                       < 2.1-r0 
`;
  expect([...parseUpdates(text)]).toEqual([
    ['demo-app', '1.1-r0'],
    ['py3-demo', '2.1-r0'],
  ]);
  expect(parseIndex(DATABASE)[1]).toEqual(['demo-svc-1.2-r0', { downloadBytes: 1231, unpackedBytes: 88 }]);
});

describe('what it refuses', () => {
  it.each([
    [
      'a version that nobody has',
      '  demo-svc-1.2-r0:\n    breaks: world[demo-svc=9.9-r9]\n',
      { missing: [], unfulfilled: ['demo-svc=9.9-r9'], breaks: [] },
    ],
    [
      'a package that nobody has',
      '  nonsense (no such package):\n    required by: world[nonsense=1]\n',
      { missing: ['nonsense'], unfulfilled: [], breaks: [] },
    ],
    [
      'versions that do not fit each other',
      '  demo-lib-1.0-r0:\n    breaks: demo-app-1.1-r0[demo-lib=1.1-r0]\n    satisfies: world[demo-lib=1.0-r0]\n',
      { missing: [], unfulfilled: [], breaks: ['demo-app-1.1-r0 needs demo-lib=1.1-r0'] },
    ],
  ])('%s', (_what, said, refusal) => {
    expect(parseRefusal(`ERROR: unable to select packages:\n${said}`)).toEqual(refusal);
  });

  it('is nothing where it would begin, or where somebody else has the lock', () => {
    expect(parseRefusal('(1/1) Upgrading demo-svc (1.0-r0 -> 1.1-r0)\nOK: 94 B in 3 packages\n')).toBeNull();
    const locked = 'ERROR: Unable to lock database: Resource temporarily unavailable\n';
    expect([parseRefusal(locked), saysLocked(locked)]).toEqual([null, true]);
  });
});

describe('a script that fails', () => {
  const failure = { name: 'demo-svc', script: 'post-upgrade', output: ['demo-svc: migration failed'] };
  it('is named with its last lines, as version 2 says it', () => {
    const text = `(1/1) Upgrading demo-svc (1.0-r0 -> 1.2-r0)
Executing demo-svc-1.2-r0.post-upgrade
demo-svc: migration failed
ERROR: demo-svc-1.2-r0.post-upgrade: script exited with error 1
1 error; 0 MiB in 3 packages
`;
    expect(parseFailures(text)).toEqual([{ ...failure, reason: 'script exited with error 1' }]);
  });

  it('is named with its last lines, as version 3 says it', () => {
    const text = `(1/1) Upgrading demo-svc (1.0-r0 -> 1.2-r0)
  Executing demo-svc-1.2-r0.post-upgrade
  * demo-svc: migration failed
ERROR: lib/apk/exec/demo-svc-1.2-r0.post-upgrade: exited with error 1
1 error; 94 B in 3 packages
`;
    expect(parseFailures(text)).toEqual([{ ...failure, reason: 'exited with error 1' }]);
  });

  it('is another thing than a package that could not be unpacked', () => {
    const text = "ERROR: demo-lib-1.0-r0: package mentioned in index not found (try 'apk update')\n";
    expect(parseFailures(text)).toEqual([
      {
        name: 'demo-lib',
        script: null,
        reason: "package mentioned in index not found (try 'apk update')",
        output: [],
      },
    ]);
    expect(parseErrors(`${text}WARNING: opening x: No such file or directory\n`)).toContain('opening x: No such file');
  });
});
