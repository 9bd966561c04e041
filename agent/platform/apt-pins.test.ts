import { describe, expect, it } from 'vitest';
import { parseCandidateVersions, parsePins } from './apt-pins.ts';

describe('pins of apt', () => {
  it('are read from their stanzas', () => {
    const text = `# the site's
Explanation: 1.1 loses mails
Package: demo-svc demo-*
Pin: version 1.0*
Pin-Priority: 1001

Package: *
Pin: release a=unstable
pin-priority: -1

Explanation: nothing
`;
    expect(parsePins('/etc/apt/preferences', text)).toEqual([
      {
        file: '/etc/apt/preferences',
        packages: 'demo-svc demo-*',
        text: 'Pin: version 1.0*, Pin-Priority: 1001',
      },
      { file: '/etc/apt/preferences', packages: '*', text: 'Pin: release a=unstable, Pin-Priority: -1' },
    ]);
  });

  it('leave candidates, or none (apt 2.6)', () => {
    const text = `demo-svc:
  Installed: 1.0
  Candidate: 1.0
  Package pin: 1.0
  Version table:
     1.1 1001
        500 http://10.77.0.1:8000 updates/main amd64 Packages
 *** 1.0 1001
        500 http://10.77.0.1:8000 stable/main amd64 Packages
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: (none)
  Candidate: (none)
  Version table:
     2.36-9 -1
`;
    expect(parseCandidateVersions(text)).toEqual(new Map([['demo-svc', '1.0']]));
  });
});
