import { describe, expect, it } from 'vitest';
import { readOptions } from './options.ts';

describe('options of packaging', () => {
  it('build everything into dist/release where nothing is said', () => {
    const { out, platforms, key } = readOptions([]);
    expect({ out, key, names: platforms.map(({ name }) => name) }).toEqual({
      out: 'dist/release',
      key: undefined,
      names: ['linux-x64', 'linux-arm64', 'win-x64'],
    });
  });

  it.each([
    [['--platform', 'linux-mips'], /"linux-mips" is no platform; there are linux-x64/],
    [['--passphrase-file', 'x'], /give both/],
    [['--colour'], /--colour/],
    [['stray'], /stray/],
  ])('%j is refused', (argv, words) => {
    expect(() => readOptions(argv)).toThrow(words);
  });
});
