import { describe, expect, it } from 'vitest';
import { leanArguments } from './lean-process.ts';

const program = { execPath: '/opt/node', argv: ['/opt/node', '/opt/tidemark.mjs', 'controller', '--state', 'here'] };

describe('a controller', () => {
  it('begins anew with limits to its memory, and with all that it was given', () => {
    expect(leanArguments({ ...program, execArgv: ['--enable-source-maps'] })).toEqual([
      '/opt/node',
      expect.stringMatching(/^--max-semi-space-size=\d+$/),
      '--enable-source-maps',
      ...program.argv.slice(1),
    ]);
  });

  it('does so once', () => {
    const anew = leanArguments({ ...program, execArgv: [] }) ?? [];
    const script = anew.indexOf('/opt/tidemark.mjs');
    expect(leanArguments({ ...program, execArgv: anew.slice(1, script) })).toBeNull();
  });

  it('puts what a person said after its own limits, since the last one counts', () => {
    const said = '--max-semi-space-size=64';
    const anew = leanArguments({ ...program, execArgv: [said] }) ?? [];
    expect(anew.findLastIndex(each => each.startsWith('--max-semi-space-size'))).toBe(anew.indexOf(said));
  });
});
