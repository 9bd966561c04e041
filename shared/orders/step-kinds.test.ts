import { describe, expect, it } from 'vitest';
import { Call, classOf, defaultDurationMs, isIdempotent, isStepKind, stepKinds } from './step-kinds.ts';

describe('the step vocabulary', () => {
  it('lets nothing that only observes take long or be in doubt', () => {
    for (const kind of stepKinds.filter(each => classOf(each) === 'observe')) expect(isIdempotent(kind)).toBe(true);
  });

  it('counts what runs a given program as a command, and a command as not repeatable unless it is a check', () => {
    const commands = stepKinds.filter(kind => classOf(kind) === 'command');
    expect(commands).toEqual(['check/sql', 'check/command', 'cluster/handover', 'command/run', 'command/shell']);
    for (const kind of commands) expect(isIdempotent(kind)).toBe(kind.startsWith('check/'));
  });

  it('expects every kind to take some time', () => {
    for (const kind of stepKinds) expect(defaultDurationMs(kind)).toBeGreaterThan(0);
  });

  it.each(['command/powershell', 'toString', '__proto__', 'constructor', ''])('does not know %j', kind => {
    expect(isStepKind(kind)).toBe(false);
    expect(Call.safeParse({ kind, args: {} }).success).toBe(false);
  });

  it.each([
    ['a relative program', ['bin/true']],
    ['nothing', []],
    ['a text for a shell', 'true; rm -rf /'],
    ['a program that climbs', ['/opt/../bin/sh']],
    ['an argument that is no text', ['/bin/true', 1]],
  ])('takes %s for no command', (_, command) => {
    expect(Call.safeParse({ kind: 'command/run', args: { command, expectStatus: [0] } }).success).toBe(false);
  });

  it.each(['file:///etc/shadow', 'ftp://host/x', 'javascript:1', 'localhost:80', ''])('checks no %j over HTTP', url => {
    const args = { url, expectStatus: 200, expectText: null, withinMs: 0 };
    expect(Call.safeParse({ kind: 'check/http', args }).success).toBe(false);
    expect(Call.safeParse({ kind: 'check/http', args: { ...args, url: 'http://127.0.0.1:8080/health' } }).success).toBe(
      true,
    );
  });
});
