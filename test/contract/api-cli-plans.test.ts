import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { RunView } from '@tidemark/controller/api/contract/runs.ts';
import {
  iso,
  sampleDocument,
  sampleHost,
  sampleJob,
  samplePlan,
  sampleRun,
} from '@tidemark/controller/cli/testing/samples.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { describe, expect, it } from 'vitest';
import { file, logIn, makeTrust, tidemark } from './api-cli-fixture.ts';
import { AT } from './api-fixture.ts';

describe('keys and trust', () => {
  it('makes a key that only its owner reads, and a trust root that servers accept', async () => {
    const root = await makeTrust();
    expect(statSync(file('anna.pem')).mode & 0o777).toBe(0o600);
    expect(root).toMatchObject({ fleet: 'test-fleet', version: 1, thresholds: { patch: 1, command: 1 } });
    const shown = await tidemark(['key', 'show', file('anna.pem'), '-o', 'json']);
    expect(JSON.parse(shown.io.stdout).publicKey).toBe(root.approvers[0]?.publicKey);
  });

  it('never replaces a key', async () => {
    await makeTrust();
    const before = readFileSync(file('anna.pem'), 'utf8');
    const { exit, io } = await tidemark(['key', 'create', '--out', file('anna.pem')]);
    expect(exit).toBe(2);
    expect(io.stderr).toContain('exists already');
    expect(readFileSync(file('anna.pem'), 'utf8')).toBe(before);
  });

  it('opens a sealed key with its passphrase, and says what is missing or wrong', async () => {
    writeFileSync(file('pass'), 'correct horse\n');
    writeFileSync(file('wrong'), 'battery staple\n');
    await tidemark(['key', 'create', '--out', file('ben.pem'), '--passphrase-file', file('pass')]);
    expect(readFileSync(file('ben.pem'), 'utf8')).toContain('ENCRYPTED');
    const create = (more: string[], out: string) =>
      tidemark([
        ...['trust', 'create', '--fleet', 'f', '--approver', `ben=${file('ben.pem.pub')}`],
        ...['--key', file('ben.pem'), '--out', file(out), ...more],
      ]);
    expect((await create([], 'a')).io.stderr).toContain('--passphrase-file');
    expect((await create(['--passphrase-file', file('wrong')], 'b')).io.stderr).toContain('the right passphrase?');
    expect((await create(['--passphrase-file', file('pass')], 'c')).exit).toBe(0);
  });

  it('makes no trust root that servers would refuse', async () => {
    await makeTrust();
    await tidemark(['key', 'create', '--out', file('eve.pem')]);
    const { exit, io } = await tidemark([
      ...['trust', 'create', '--fleet', 'f', '--approver', `anna=${file('anna.pem.pub')}`],
      ...['--key', file('eve.pem'), '--out', file('other.json')],
    ]);
    expect(exit).toBe(1);
    expect(io.stderr).toContain('would be refused by servers');
  });
});

describe('plan and approve', () => {
  it('shows the plan and writes the very document', async () => {
    await logIn();
    writeFileSync(file('policy.yaml'), 'spec: {}\n');
    const { exit, io } = await tidemark(['plan', file('policy.yaml'), '--out', file('plan.json')]);
    expect(exit).toBe(0);
    expect(io.stdout).toContain(`Digest ${samplePlan.digest}`);
    expect(JSON.parse(readFileSync(file('plan.json'), 'utf8'))).toEqual(sampleDocument);
  });

  it('takes along the calendars that the policy names, and only those below it', async () => {
    const asked: unknown[] = [];
    await logIn({
      plans: {
        plan: async ({ files, emergency, atMs }) => {
          asked.push({ files: Object.fromEntries(files), emergency, atMs });
          return ok({ digest: samplePlan.digest });
        },
      },
    });
    const policy = (name: string) => `metadata: {name: x}\nspec: {window: {blackout: [${name}]}}\n`;
    mkdirSync(file('calendars'), { recursive: true });
    writeFileSync(file('calendars/freeze.ics'), 'BEGIN:VCALENDAR');
    writeFileSync(file('policy.yaml'), policy('calendars/freeze.ics'));
    expect((await tidemark(['plan', file('policy.yaml'), '--emergency', 'a hole'])).exit).toBe(0);
    expect(asked).toEqual([{ files: { 'calendars/freeze.ics': 'BEGIN:VCALENDAR' }, emergency: 'a hole', atMs: null }]);
    for (const name of ['../contexts.json', '/etc/hostname', 'calendars/../../x.ics', 'contexts.json']) {
      writeFileSync(file('policy.yaml'), policy(name));
      const { exit, io } = await tidemark(['plan', file('policy.yaml')]);
      expect(exit).toBe(1);
      expect(io.stderr).toContain('calendars are .ics files beside the policy or below its directory');
    }
    writeFileSync(file('policy.yaml'), policy('gone.ics'));
    expect((await tidemark(['plan', file('policy.yaml')])).exit).toBe(1);
    expect(asked).toHaveLength(1);
  });

  it('forecasts the night of a plan when asked', async () => {
    await logIn();
    writeFileSync(file('policy.yaml'), 'spec: {}\n');
    const { exit, io } = await tidemark(['plan', file('policy.yaml'), '--simulate']);
    expect(exit).toBe(0);
    expect(io.stdout).toContain('Forecast of 200 nights in which nothing fails\nends at 2026-03-21 22:00:00Z');
    const data = await tidemark(['plan', file('policy.yaml'), '--simulate', '-o', 'json']);
    expect(JSON.parse(data.io.stdout)).toMatchObject({ forecast: { repetitions: 200, marginMs: 1_800_000 } });
  });

  it('shows only what is another than in a plan before, and says so by its status', async () => {
    await logIn();
    writeFileSync(file('policy.yaml'), `metadata: {name: ${samplePlan.header.name}}\n`);
    const same = await tidemark(['plan', file('policy.yaml'), '--diff', samplePlan.digest]);
    expect(same).toMatchObject({ exit: 0 });
    expect(same.io.stdout).toContain('nothing would happen otherwise');
    const none = await tidemark(['plan', file('policy.yaml'), '--diff', 'sha256:0123456']);
    expect(none.exit).toBe(1);
  });

  it('explains hosts and jobs of a plan', async () => {
    await logIn();
    const host = await tidemark(['explain', samplePlan.digest, 'web01']);
    expect(host.exit).toBe(0);
    expect(host.io.stdout).toContain('orders-web 1.4.0 -> 1.4.1');
    const out = await tidemark(['explain', samplePlan.digest, 'web02']);
    expect(out.io.stdout).toBe('web02 is left out: it is frozen\n');
    const job = await tidemark(['explain', samplePlan.digest, 'web01', 'stop:orders-web', '-o', 'json']);
    expect(JSON.parse(job.io.stdout)).toMatchObject({ id: 'stop:orders-web' });
    for (const unknown of [['nobody'], ['web01', 'nothing']]) {
      const asked = await tidemark(['explain', samplePlan.digest, ...unknown]);
      expect(asked.exit).toBe(1);
      expect(asked.io.stderr).toMatch(/does not know nobody|has no job nothing in this plan; it has stop:orders-web/);
    }
  });

  it('prints the schema of policies for editors', async () => {
    await logIn({ plans: { policySchema: () => ({ title: 'x' }) } }, 'viewer-token');
    const { io } = await tidemark(['policy', 'schema']);
    expect(JSON.parse(io.stdout)).toEqual({ title: 'x' });
  });

  it('shows errors of a policy with their places', async () => {
    const details = [{ message: 'unknown key "wehn", did you mean "when"?', file: 'policy.yaml', line: 12, column: 7 }];
    await logIn({
      plans: { plan: async () => err({ code: 'policy-invalid', message: 'policy.yaml has 1 error', details }) },
    });
    writeFileSync(file('policy.yaml'), 'spec: {}\n');
    const { exit, io } = await tidemark(['plan', file('policy.yaml')]);
    expect(exit).toBe(1);
    expect(io.stderr).toContain('policy.yaml:12:7: unknown key "wehn", did you mean "when"?');
    expect(io.stdout).toBe('');
  });

  it('signs here what a server then accepts, after it has shown it', async () => {
    const root = await makeTrust();
    const handedIn: Envelope[] = [];
    await logIn({
      plans: {
        approve: async ({ envelope }) => {
          handedIn.push(envelope);
          return ok(null);
        },
      },
    });
    const { exit, io } = await tidemark(['approve', samplePlan.digest, '--key', file('anna.pem')]);
    expect(io.stdout).toContain('stop web orders-web on web01');
    expect(exit).toBe(0);
    const [envelope] = handedIn;
    expect(envelope && verifyApproval(envelope, root, samplePlan.digest, AT + 1)).toMatchObject({
      ok: true,
      value: { approvers: [{ name: 'anna' }], approval: { expiresAt: samplePlan.header.window.end } },
    });
  });

  it('signs nothing when the controller shows another plan under the digest that was asked for', async () => {
    await makeTrust();
    const document = { ...sampleDocument, header: sampleDocument.header.replace('"olga"', '"eve"') };
    await logIn({
      plans: {
        get: async digest => ({
          digest,
          document,
          approval: { approvals: [], needed: 1, complete: false },
          run: null,
        }),
      },
    });
    const { exit, io } = await tidemark(['approve', samplePlan.digest, '--key', file('anna.pem')]);
    expect(exit).toBe(1);
    expect(io.stderr).toContain('do not sign anything');
  });

  it('signs nothing when a person says no', async () => {
    await makeTrust();
    await logIn();
    const { exit, io } = await tidemark(['approve', samplePlan.digest, '--key', file('anna.pem')], {
      ask: async () => 'no',
    });
    expect(exit).toBe(1);
    expect(io.stderr).toContain('nothing was signed');
  });

  it('ends with status 5 where an approval is missing', async () => {
    await logIn();
    const { exit, io } = await tidemark(['apply', samplePlan.digest]);
    expect(exit).toBe(5);
    expect(io.stderr).toContain('0 of 1 approvals');
  });
});

describe('watching a run', () => {
  const views = (...list: Parameters<typeof sampleRun>[0][]) => {
    let index = 0;
    return { runs: { view: async () => RunView.parse(sampleRun(list[Math.min(index++, list.length - 1)] ?? {})) } };
  };
  const busy = sampleHost({ state: 'running', startedAt: iso(0), jobs: [sampleJob({ state: 'running', attempt: 1 })] });

  it.each([
    ['succeeded', 0],
    ['failed', 4],
    ['stopped', 4],
  ] as const)('of a run that %s it ends with status %d', async (state, status) => {
    await logIn(views({ hosts: [busy] }, { state, endedAt: iso(60_000) }));
    const { exit, io } = await tidemark(['run', 'watch', 'r1']);
    expect(exit).toBe(status);
    expect(io.stdout).toContain(`run r1 orders-monthly: ${state}`);
    expect(io.stdout).not.toContain('\u001b');
  });

  it('ends with status 5 without a terminal once the run waits for a person', async () => {
    await logIn(views({ state: 'paused', reason: 'too many failed' }));
    const { exit, io } = await tidemark(['run', 'watch', 'r1']);
    expect(exit).toBe(5);
    expect(io.stderr).toContain('waits for a person');
  });

  it('gives up with status 7 when it was told to', async () => {
    await logIn(views({ hosts: [busy] }));
    expect((await tidemark(['run', 'watch', 'r1', '--give-up', '10s'])).exit).toBe(7);
  });

  it('goes on through an absence of the controller', async () => {
    let looks = 0;
    await logIn({
      runs: {
        view: async () => {
          looks++;
          if (looks === 2) throw new Error('the database restarts');
          return RunView.parse(sampleRun(looks < 3 ? { hosts: [busy] } : { state: 'succeeded' }));
        },
      },
    });
    const { exit, io } = await tidemark(['run', 'watch', 'r1']);
    expect(exit).toBe(0);
    expect(io.stderr).toContain('trying again');
    expect(io.stderr).toContain('is back');
  });

  it('draws over what it drew, on a terminal', async () => {
    await logIn(views({ hosts: [busy] }, { state: 'succeeded' }));
    const terminal = { outIsTerminal: true, columns: () => 80, rows: () => 24 };
    const { io } = await tidemark(['run', 'watch', 'r1'], {
      ...terminal,
      env: { TIDEMARK_CONFIG: file('contexts.json'), NO_COLOR: '1' },
    });
    expect(io.stdout).toContain('\u001b[3A');
    expect(io.stdout).not.toContain('\u001b[31m');
  });
});
