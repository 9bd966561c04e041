import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAll } from '@tidemark/agent/steps/check-all.ts';
import { checkClock } from '@tidemark/agent/steps/check-clock.ts';
import { checkCommand } from '@tidemark/agent/steps/check-command.ts';
import { checkFacts } from '@tidemark/agent/steps/check-facts.ts';
import { checkTcp } from '@tidemark/agent/steps/check-tcp.ts';
import { type StepFixture, stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/* Checks against real sockets and processes; those that need a service manager or a database of the host are in test/lab. */

let fixture: StepFixture;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-checks-'));
  fixture = stepFixture(root);
});

afterEach(() => {
  fixture.close();
  rmSync(root, { recursive: true, force: true });
});

function program(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), `#!/bin/sh\n${text}\n`);
  chmodSync(join(root, path), 0o755);
}

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer(socket => socket.destroy());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the test server has no port');
  return { server, port: address.port };
}

const close = (server: Server) => new Promise(resolve => server.close(resolve));

describe('check/tcp', () => {
  it('is good where somebody takes connections', async () => {
    const { server, port } = await listen();
    const done = await checkTcp({ host: '127.0.0.1', port, withinMs: 0 }, fixture.context);
    expect(done.message).toBe(`127.0.0.1 port ${port} takes connections`);
    await close(server);
  });

  it('says why where nobody does', async () => {
    const { server, port } = await listen();
    await close(server);
    const failed = checkTcp({ host: '127.0.0.1', port, withinMs: 0 }, fixture.context);
    await expect(failed).rejects.toThrow(/takes no connections: the connection is refused/);
    await expect(failed).rejects.toMatchObject({ facts: { tries: 1 } });
  });

  it('waits for a port that opens a little later', async () => {
    const { server, port } = await listen();
    await close(server);
    const later = createServer(socket => socket.destroy());
    setTimeout(() => later.listen(port, '127.0.0.1'), 400);
    const done = await checkTcp({ host: '127.0.0.1', port, withinMs: 10_000 }, fixture.context);
    expect(done.facts?.['tries']).toBeGreaterThan(1);
    await close(later);
  });
});

describe('check/command', () => {
  const args = { command: ['/bin/probe'] as [string], expectStatus: [0], expectText: null, withinMs: 0 };

  it('is good with the expected status and text', async () => {
    program('/bin/probe', 'echo "queue empty"; exit 4');
    const done = await checkCommand({ ...args, expectStatus: [0, 4], expectText: 'empty' }, fixture.context);
    expect(done.facts).toMatchObject({ status: 4, tries: 1 });
  });

  it.each([
    ['another status', 'echo busy; exit 1', null, /exit status 1.*busy.*expected: 0/],
    ['another text', 'echo busy', 'empty', /does not say "empty"/],
    ['the text on standard error only', 'echo empty >&2', 'empty', /does not say "empty"/],
    ['a signal', 'kill -9 $$', null, /ended by SIGKILL/],
  ])('fails with %s', async (_what, text, expectText, words) => {
    program('/bin/probe', text);
    await expect(checkCommand({ ...args, expectText }, fixture.context)).rejects.toThrow(words);
  });

  it('fails where there is no such program, without trying for long', async () => {
    await expect(checkCommand({ ...args, withinMs: 60_000 }, fixture.context)).rejects.toThrow(/no such program/);
  });

  it('tries again until it is good', async () => {
    program('/bin/probe', 'cd "$TIDEMARK_ROOT" && echo x >> tries && [ "$(wc -l < tries)" -ge 3 ]');
    const done = await checkCommand({ ...args, withinMs: 30_000 }, fixture.context);
    expect(done.facts?.['tries']).toBe(3);
  });
});

describe('check/clock', () => {
  it('fails where no time service is installed, since nobody can tell', async () => {
    await expect(checkClock({ maxOffsetMs: 1_000 }, fixture.context)).rejects.toThrow(/nobody can tell.*installed/);
  });

  it('fails where the time service cannot be asked, with its reason', async () => {
    program('/usr/bin/chronyc', 'echo "506 Cannot talk to daemon"; exit 1');
    await expect(checkClock({ maxOffsetMs: 1_000 }, fixture.context)).rejects.toThrow(/Cannot talk to daemon/);
  });

  it('compares what the time service says with the bound', async () => {
    program('/usr/bin/chronyc', 'echo "A,ntp1,3,1,-1.5,0.0,0,0,0,0,0,0,64,Normal"');
    const failed = checkClock({ maxOffsetMs: 1_000 }, fixture.context);
    await expect(failed).rejects.toThrow(/1\.5 s ahead, says chrony \(ntp1\); at most 1\.0 s/);
    await expect(failed).rejects.toMatchObject({ facts: { offsetMs: 1_500, maxOffsetMs: 1_000 } });
    const done = await checkClock({ maxOffsetMs: 1_500 }, fixture.context);
    expect(done.facts).toMatchObject({ offsetMs: 1_500 });
  });
});

describe('check/all', () => {
  it('runs every check and lists every failure', async () => {
    const { server, port } = await listen();
    const tcp = (to: number) => ({ kind: 'check/tcp' as const, args: { host: '127.0.0.1', port: to, withinMs: 0 } });
    const failed = checkAll(
      { checks: [{ kind: 'check/clock', args: { maxOffsetMs: 1 } }, tcp(port), tcp(1)] },
      fixture.context,
    );
    await expect(failed).rejects.toThrow(/2 of 3 checks failed: \(1\) check\/clock: .* \(2\) check\/tcp: 127/);
    await expect(failed).rejects.toMatchObject({
      facts: { results: [{ good: false }, { good: true }, { good: false }] },
    });
    expect((await checkAll({ checks: [tcp(port)] }, fixture.context)).message).toContain('all 1 checks are good');
    await close(server);
  });
});

describe('check/facts', () => {
  const over = (facts: Record<string, unknown>, only: (readonly string[] | null)[] = []) => ({
    ...fixture.context,
    collectFacts: async (names: readonly string[] | null) => {
      only.push(names);
      return facts;
    },
  });
  const check = (condition: string, facts: Record<string, unknown>) =>
    checkFacts({ condition, withinMs: 0 }, over(facts));

  it('is good where the condition is true, and says what it saw', async () => {
    const done = await check('facts.kernel.running == facts.kernel.newest && facts.failedUnits.size() == 0', {
      kernel: { running: '6.1', newest: '6.1' },
      failedUnits: [],
    });
    expect(done.message).toMatch(
      /is true: facts.kernel.running is "6.1", facts.kernel.newest is "6.1", facts.failedUnits is \[\]$/,
    );
  });

  it('fails where it is false or has no answer, and says why', async () => {
    await expect(check('facts.pg.lag < 3', { pg: { lag: 7 } })).rejects.toThrow(/is false: facts.pg.lag is 7$/);
    await expect(check('facts.pg.lag < 3', {})).rejects.toThrow(/has no answer: .*: facts.pg.lag is null$/);
  });

  it('collects only what the condition names, and all where it may look at any', async () => {
    const only: (readonly string[] | null)[] = [];
    await checkFacts({ condition: 'has(facts.pg) == false', withinMs: 0 }, over({}, only));
    await checkFacts({ condition: 'size(facts) == 0', withinMs: 0 }, over({}, only));
    expect(only).toEqual([['pg'], null]);
  });

  it('looks again until it is true', async () => {
    let lag = 3;
    const context = { ...fixture.context, collectFacts: async () => ({ pg: { lag: lag-- } }) };
    const done = await checkFacts({ condition: 'facts.pg.lag < 2', withinMs: 10_000 }, context);
    expect(done.facts).toMatchObject({ tries: 3, values: { 'pg.lag': '1' } });
  });

  it('is one of several in check/all', async () => {
    const cel = (condition: string) => ({ kind: 'check/facts' as const, args: { condition, withinMs: 0 } });
    const failed = checkAll({ checks: [cel('facts.a == 1'), cel('facts.a == 2')] }, over({ a: 1 }));
    await expect(failed).rejects.toThrow(
      /1 of 2 checks failed: \(1\) check\/facts: facts.a == 2 is false: facts.a is 1/,
    );
  });
});
