import { describe, expect, it } from 'vitest';
import { PackageName, PackageVersion } from './package.ts';

/* They become arguments of programs that run as root. */

describe('the name of a package', () => {
  it.each(['a', 'g++', 'libssl3', 'libstdc++6', 'NetworkManager', 'python3.11', '0ad', 'perl-base'])(
    'may be %s',
    name => {
      expect(PackageName.safeParse(name).success).toBe(true);
    },
  );

  it.each(['', '-y', '--reinstall', 'nginx-', 'a b', 'a/b', './a.deb', 'a:i386', 'a=1', '^lib', 'lib*', 'a\n', 'ü'])(
    'cannot be %j',
    name => {
      expect(PackageName.safeParse(name).success).toBe(false);
    },
  );
});

describe('the version of a package', () => {
  it.each(['1', '1:2.36-9+deb12u14', '3.0.22-1~deb12u2', '1.0^git1-1.el9', '2026f-0+deb12u1', '1.0~'])(
    'may be %s',
    version => {
      expect(PackageVersion.safeParse(version).success).toBe(true);
    },
  );

  // apt takes the last character of what it is given for a command: remove it, install it.
  it.each(['', '1.0-', '1.0+', '-1', '~1', '1 0', '1/2', '*', '1=2', '$(id)', '1\n'])('cannot be %j', version => {
    expect(PackageVersion.safeParse(version).success).toBe(false);
  });
});
