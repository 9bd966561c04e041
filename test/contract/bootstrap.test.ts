import { describe, expect, it } from 'vitest';
import { differsFromLock, entryFor, explainNpmFailure, unsupported } from '../../installers/bootstrap-checks.mjs';
import { countReport, describeFailures, failuresIn, readSummary, sum, summaryLine } from '../support/totals.mjs';

describe('what bootstrap says about a machine', () => {
  const machine = { nodeVersion: '20.11.0', platform: 'linux', arch: 'x64', glibc: '2.28' };

  it.each([
    ['the oldest that will do', {}],
    ['a new one', { nodeVersion: '26.1.0', arch: 'arm64', glibc: '2.41' }],
    ['a glibc of another major version', { glibc: '3.0' }],
  ])('takes %s', (_, change) => {
    expect(unsupported({ ...machine, ...change })).toBeNull();
  });

  it.each([
    ['an old Node', { nodeVersion: '18.20.4' }, 'Node 18.20.4 is too old: install Node 20 or newer'],
    ['another system', { platform: 'darwin' }, 'This is darwin x64'],
    ['another processor', { arch: 'ia32' }, 'This is linux ia32'],
    ['another C library', { glibc: undefined }, 'needs a Linux with glibc'],
    ['an old glibc', { glibc: '2.17' }, 'needs glibc 2.28 or newer; this system has 2.17'],
  ])('refuses %s and says what is needed', (_, change, message) => {
    expect(unsupported({ ...machine, ...change })).toContain(message);
  });

  it.each([
    ['getaddrinfo ENOTFOUND registry', 'cannot be reached (ENOTFOUND)'],
    ['connect ECONNREFUSED 127.0.0.1:9', 'cannot be reached (ECONNREFUSED)'],
    ['ENOSPC: no space left on device', 'The disk is full'],
    ['EACCES: permission denied, mkdir', 'may not write here'],
    ['something else', 'could not install'],
  ])('explains a failed installation: %s', (stderr, message) => {
    expect(explainNpmFailure(undefined, `npm error ${stderr}`)).toContain(message);
  });

  it('says that npm is missing', () => {
    expect(explainNpmFailure(Object.assign(new Error('x'), { code: 'ENOENT' }), '')).toContain(
      'npm is not on the PATH',
    );
  });

  it.each([['rm'], ['toString'], [undefined]])('knows no command %s', command => {
    expect(entryFor(command)).toBeNull();
  });
});

describe('whether there is something to install', () => {
  const entry = { version: '1.0.0', integrity: 'sha512-a' };
  const lock = {
    packages: { '': {}, shared: {}, 'node_modules/a': entry, 'node_modules/b': { ...entry, optional: true } },
  };

  it.each([
    ['nothing, when all is there', { 'node_modules/a': entry, 'node_modules/b': entry }, null],
    ['nothing, when an optional package is for other machines', { 'node_modules/a': entry }, null],
    ['what is missing', {}, 'a is missing'],
    ['what has another version', { 'node_modules/a': { ...entry, version: '1.0.1' } }, 'a has changed'],
    ['what has another digest', { 'node_modules/a': { ...entry, integrity: 'sha512-b' } }, 'a has changed'],
  ])('%s', (_, packages, expected) => {
    expect(differsFromLock(lock, { packages })).toBe(expected);
  });

  it('all, after an installation that did not come to its end', () => {
    expect(differsFromLock(lock, null)).toBe('nothing is installed yet');
  });
});

describe('what the last line of npm test counts', () => {
  const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, testResults: [] as object[] };
  const suite = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map(each => ({ status: each })),
  });

  it.each([
    ['passed tests', report, 0, { passed: 3, failed: 0, skipped: 0 }],
    ['failed tests', { ...report, numFailedTests: 2, testResults: [suite('failed', 'failed')] }, 1, { failed: 2 }],
    ['a file that does not load', { ...report, testResults: [suite('failed')] }, 1, { failed: 1 }],
    ['a hook that fails after its tests', { ...report, testResults: [suite('failed', 'passed')] }, 1, { failed: 1 }],
    ['an error outside of all files', report, 1, { failed: 1 }],
    ['skipped and planned tests', { ...report, numPendingTests: 1, numTodoTests: 1 }, 0, { skipped: 2 }],
  ])('%s', (_, counted, status, expected) => {
    expect(countReport(counted, status)).toMatchObject(expected);
  });

  it('is the sum of all, and names skipped ones only where there are some', () => {
    const total = sum([
      { passed: 1, failed: 0, skipped: 0 },
      { passed: 2, failed: 1, skipped: 0 },
    ]);
    expect(summaryLine(total)).toBe('3 passed, 1 failed');
    expect(summaryLine({ ...total, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });

  it.each([
    ['as it was written', 'a test\n\n12 s\n7 passed, 2 failed, 1 skipped\n', { passed: 7, failed: 2, skipped: 1 }],
    ['without skipped ones', '7 passed, 0 failed\n', { passed: 7, failed: 0, skipped: 0 }],
    ['as a failure where the output was cut off', '7 passed, 0 failed\nunit te', { passed: 0, failed: 1, skipped: 0 }],
    ['as a failure where there is none', '', { passed: 0, failed: 1, skipped: 0 }],
  ])('is read again %s', (_, output, expected) => {
    expect(readSummary(output)).toEqual(expected);
  });

  it('says at the end which tests failed, in a line each with why, and each once', () => {
    const failed = {
      status: 'failed',
      fullName: 'a host is patched',
      failureMessages: ['\x1b[31mexpected 1\x1b[39m\n  at x'],
    };
    const testResults = [
      {
        name: '/root/a.test.ts',
        status: 'failed',
        assertionResults: [failed, { status: 'passed', fullName: 'another' }],
      },
      { name: '/root/b.test.ts', status: 'failed', message: 'cannot be loaded', assertionResults: [] },
      { name: '/root/c.test.ts', status: 'passed', assertionResults: [{ status: 'passed', fullName: 'a third' }] },
    ];
    const lines = describeFailures({ testResults }, '/root');
    expect(lines).toEqual(['FAIL  a.test.ts > a host is patched: expected 1', 'FAIL  b.test.ts: cannot be loaded']);
    expect(failuresIn(['much', ...lines, 'more', 'FAIL  lint', 'FAIL  lint', '1 s'].join('\n'))).toEqual([
      ...lines,
      'FAIL  lint',
    ]);
  });
});
