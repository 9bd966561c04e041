import { describe, expect, it } from 'vitest';
import { parseSources } from '../lab/sources.ts';

const OS_RELEASE = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\n';

describe('where the hosts of the lab get their Debian from', () => {
  it.each([
    [
      'the one-line format, with options and comments',
      [
        '# deb http://commented.example/debian bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main\n',
        'deb http://s.example/debian-security bookworm-security main\n',
      ],
      { release: 'bookworm', archive: 'http://a.example/debian', security: 'http://s.example/debian-security' },
    ],
    [
      'deb822',
      [
        'Types: deb deb-src\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\nTypes: deb\nURIs: http://s.example/\nSuites: bookworm-security\n',
      ],
      { release: 'bookworm', archive: 'http://a.example/debian', security: 'http://s.example/' },
    ],
    [
      "other people's archives beside it, and no security",
      ['deb http://other.example/ nodistro main\n', 'deb http://a.example/debian bookworm main\n'],
      { release: 'bookworm', archive: 'http://a.example/debian', security: null },
    ],
  ])('from the machine: %s', (_, files, expected) => {
    expect(parseSources(OS_RELEASE, files)).toEqual(expected);
  });

  it('says what is missing', () => {
    expect(() => parseSources('NAME=other\n', [])).toThrow('names no release');
    expect(() => parseSources(OS_RELEASE, ['deb http://a.example/debian trixie main\n'])).toThrow(
      'no source for bookworm',
    );
  });
});
