import { describe, expect, it } from 'vitest';
import { leanStart } from './lean-process.ts';

const program = {
  execPath: '/opt/node',
  argv: ['/opt/node', '/opt/tidemark.mjs', 'controller', '--state', 'here'],
  env: { HOME: '/root' },
};

describe('a controller', () => {
  it('begins anew with limits to its memory, and with all that it was given', () => {
    const anew = leanStart({ ...program, execArgv: ['--enable-source-maps'] });
    expect(anew?.argv).toEqual([
      '/opt/node',
      expect.stringMatching(/^--max-semi-space-size=\d+$/),
      expect.stringMatching(/^--heap-growing-percent=\d+$/),
      '--enable-source-maps',
      ...program.argv.slice(1),
    ]);
    expect(anew?.env).toMatchObject({ HOME: '/root', MALLOC_ARENA_MAX: '2' });
  });

  it('does so once', () => {
    const argv = leanStart({ ...program, execArgv: [] })?.argv ?? [];
    const script = argv.indexOf('/opt/tidemark.mjs');
    expect(leanStart({ ...program, execArgv: argv.slice(1, script) })).toBeNull();
  });

  it('lets count what a person said', () => {
    const said = '--max-semi-space-size=64';
    const env = { MALLOC_ARENA_MAX: '8' };
    const anew = leanStart({ ...program, execArgv: [said], env });
    // V8 takes the last.
    expect(anew?.argv.findLastIndex(each => each.startsWith('--max-semi-space-size'))).toBe(anew?.argv.indexOf(said));
    expect(anew?.env).toMatchObject(env);
  });
});
