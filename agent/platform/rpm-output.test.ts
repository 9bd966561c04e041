import { describe, expect, it } from 'vitest';
import {
  isRpmFileOf,
  leftoversIn,
  normalRpmVersion,
  parseInstalledRpms,
  parseRpmConffiles,
  parseRpmFailures,
  rpmFileName,
} from './rpm-output.ts';

/* As rpm 4.18 said it, through dnf 4.14 and zypper 1.14 of Debian 12. */

const BY_DNF = `Running transaction
  Preparing        :                                                        1/1 
  Upgrading        : demo-svc-1.2-1.noarch                                  1/2 
  Running scriptlet: demo-svc-1.2-1.noarch                                  1/2 
demo-svc: migration failed
warning: %post(demo-svc-1.2-1.noarch) scriptlet failed, exit status 1

Error in POSTIN scriptlet in rpm package demo-svc
  Running scriptlet: demo-svc-1.0-1.noarch                                  2/2 
`;
const BY_ZYPPER = `(1/1) Installing: demo-svc-1.2-1.noarch [.......done]
Additional rpm output:
rpm: RPM should not be used directly install RPM packages, use Alien instead!
rpm: However assuming you know what you are doing...
demo-svc: migration failed
warning: %post(demo-svc-1.2-1.noarch) scriptlet failed, exit status 1
`;

describe('what rpm says', () => {
  it.each([
    ['dnf', BY_DNF],
    ['zypper', BY_ZYPPER],
  ])('names the script that failed and its last lines, through %s', (_, text) => {
    expect(parseRpmFailures(text)).toEqual([
      {
        name: 'demo-svc',
        script: '%post',
        reason: '%post scriptlet failed, exit status 1',
        output: ['demo-svc: migration failed'],
      },
    ]);
  });

  it('says whose configuration stayed', () => {
    const text = `warning: /etc/demo-svc/demo.conf created as /etc/demo-svc/demo.conf.rpmnew
warning: /etc/demo-svc/other.conf saved as /etc/demo-svc/other.conf.rpmsave
warning: Could not canonicalize hostname: vm
`;
    expect(parseRpmConffiles(text)).toEqual([
      { path: '/etc/demo-svc/demo.conf', other: '/etc/demo-svc/demo.conf.rpmnew', kept: true },
      { path: '/etc/demo-svc/other.conf', other: '/etc/demo-svc/other.conf.rpmsave', kept: false },
    ]);
  });

  const INSTALLED = `labos-release\tnoarch\t0\t1-1
gpg-pubkey\t(none)\t0\t35f241d9-6b01b922
kernel-core\tx86_64\t0\t5.14.0-503.el9
kernel-core\tx86_64\t0\t5.14.0-427.el9
demo-svc\tnoarch\t0\t1.1-1
openssl-libs\tx86_64\t1\t3.0.7-27.el9
demo-svc\tnoarch\t0\t1.0-1
`;

  it('lists packages with epochs, the newest of several versions last, and without keys', () => {
    const all = parseInstalledRpms(INSTALLED, new Set(['openssl-libs']));
    expect(all.map(({ name, version, held }) => [name, version, held])).toEqual([
      ['demo-svc', '1.0-1', false],
      ['demo-svc', '1.1-1', false],
      ['kernel-core', '5.14.0-427.el9', false],
      ['kernel-core', '5.14.0-503.el9', false],
      ['labos-release', '1-1', false],
      ['openssl-libs', '1:3.0.7-27.el9', true],
    ]);
  });

  it('shows what a cut-off change has left, which no kernel is', () => {
    const left = leftoversIn(parseInstalledRpms(INSTALLED, new Set()), new Set(['kernel-core']));
    expect(left.map(({ name, version }) => `${name} ${version}`)).toEqual(['demo-svc 1.0-1']);
  });
});

describe('files of rpm packages', () => {
  it('have no epoch in their names', () => {
    expect(rpmFileName('openssl-libs', '1:3.0.7-27.el9', 'x86_64')).toBe('openssl-libs-3.0.7-27.el9.x86_64.rpm');
    expect(normalRpmVersion('0:1.1-1')).toBe('1.1-1');
  });

  it.each([
    ['demo-svc-1.1-1.noarch.rpm', null, true],
    ['demo-svc-1.1-1.noarch.rpm', 'noarch', true],
    ['demo-svc-1.1-1.noarch.rpm', 'x86_64', false],
    ['demo-svc-1.1-10.noarch.rpm', null, false],
    ['other-demo-svc-1.1-1.noarch.rpm', null, false],
    ['demo-svc-1.1-1.noarch.rpm.sha256', null, false],
  ])('%s of %s: %s', (file, architecture, is) => {
    expect(isRpmFileOf(file, { name: 'demo-svc', version: '0:1.1-1'.slice(2), architecture })).toBe(is);
  });
});
