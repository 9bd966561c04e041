import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DriftReport } from '@tidemark/controller/api/contract/fingerprints.ts';
import { RunView } from '@tidemark/controller/api/contract/runs.ts';
import type { Io } from '@tidemark/controller/cli/io.ts';
import { runCli } from '@tidemark/controller/cli/run-cli.ts';
import { type FakeIo, fakeIo } from '@tidemark/controller/cli/testing/fake-io.ts';
import {
  iso,
  sampleDocument,
  sampleDrift,
  sampleHost,
  sampleJob,
  samplePlan,
  sampleRun,
} from '@tidemark/controller/cli/testing/samples.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { openFirstTrustRoot, type TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AT, makeCertificates, startFakeController } from './api-fixture.ts';

let certificates: Awaited<ReturnType<typeof makeCertificates>>;
let directory: string;
let controller: Awaited<ReturnType<typeof startFakeController>> | undefined;

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-cli-'));
});
afterEach(async () => {
  await controller?.close();
  controller = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const file = (name: string) => join(directory, name);

/** Runs a command line in this directory's configuration. */
async function tidemark(args: string[], change: Partial<Io> = {}): Promise<{ exit: number; io: FakeIo }> {
  const io = fakeIo({ env: { TIDEMARK_CONFIG: file('contexts.json') }, ...change });
  return { exit: await runCli(args, io), io };
}

/** Starts a controller over fakes and logs in. */
async function logIn(given: Parameters<typeof startFakeController>[0] = {}, token = 'admin-token') {
  controller = await startFakeController(given, { tls: certificates });
  const { url } = await controller.listen({ host: '127.0.0.1', port: 0 });
  writeFileSync(file('token'), `${token}\n`);
  writeFileSync(file('ca.pem'), certificates.ca);
  const { exit, io } = await tidemark(['login', url, '--token-file', file('token'), '--ca-file', file('ca.pem')]);
  expect(io.stderr).toContain('Logged in to fleet test-fleet');
  expect(exit).toBe(0);
  return url;
}

/** A key, and a trust root that it signed. */
async function makeTrust(): Promise<TrustRoot> {
  expect((await tidemark(['key', 'create', '--out', file('anna.pem')])).exit).toBe(0);
  const made = await tidemark([
    ...['trust', 'create', '--fleet', 'test-fleet', '--approver', `anna=${file('anna.pem.pub')}`],
    ...['--key', file('anna.pem'), '--out', file('trust-root.json')],
  ]);
  expect(made.exit).toBe(0);
  const envelope = parseEnvelope(readFileSync(file('trust-root.json')));
  if (!envelope.ok) throw new Error(envelope.error);
  const root = openFirstTrustRoot(envelope.value);
  if (!root.ok) throw new Error(root.error);
  return root.value;
}

describe('contexts', () => {
  it('remembers a controller in a file that only its owner reads, and never prints the token', async () => {
    const url = await logIn();
    expect(statSync(file('contexts.json')).mode & 0o777).toBe(0o600);
    const { io } = await tidemark(['context', 'list', '-o', 'json']);
    expect(JSON.parse(io.stdout)).toEqual([{ name: 'test-fleet', url, current: true }]);
    expect(io.stdout).not.toContain('admin-token');
  });

  it('does not keep a token that the controller refuses', async () => {
    await logIn();
    writeFileSync(file('bad'), 'no-such-token-at-all\n');
    const [url] = Object.values(JSON.parse(readFileSync(file('contexts.json'), 'utf8')).contexts) as { url: string }[];
    const tried = await tidemark([
      'login',
      url?.url ?? '',
      '--token-file',
      file('bad'),
      '--ca-file',
      file('ca.pem'),
      '--name',
      'b',
    ]);
    expect(tried.exit).toBe(6);
    expect(readFileSync(file('contexts.json'), 'utf8')).not.toContain('no-such-token-at-all');
  });

  it('says what to do where no controller is known, and where the wanted one is not', async () => {
    const none = await tidemark(['get', 'hosts']);
    expect(none.exit).toBe(2);
    expect(none.io.stderr).toContain('tidemark login URL');
    await logIn();
    const other = await tidemark(['get', 'hosts', '--context', 'prod']);
    expect(other.exit).toBe(2);
    expect(other.io.stderr).toContain('there is no context prod: known are test-fleet');
  });

  it('does not use a file of tokens that others may read', async () => {
    await logIn();
    mkdirSync(file('open'));
    writeFileSync(file('open/contexts.json'), readFileSync(file('contexts.json')), { mode: 0o644 });
    const { exit, io } = await tidemark(['get', 'hosts'], { env: { TIDEMARK_CONFIG: file('open/contexts.json') } });
    expect(exit).toBe(1);
    expect(io.stderr).toContain('chmod 600');
  });
});

describe('health', () => {
  it('needs no context and no token', async () => {
    const url = await logIn({}, 'viewer-token');
    const asked = await tidemark(['health', '--url', url, '--ca-file', file('ca.pem')], {
      env: {},
      home: file('none'),
    });
    expect(asked).toMatchObject({ exit: 0, io: { stdout: 'ok, version 0.0.0\n' } });
  });

  it('ends with status 1 where the controller does not answer or is not well', async () => {
    const url = await logIn({ system: { fleet: 'test-fleet', version: '0.0.0', health: async () => 'failing' } });
    expect((await tidemark(['health'])).exit).toBe(1);
    await controller?.close();
    const gone = await tidemark(['health', '--url', url, '--ca-file', file('ca.pem')]);
    expect(gone.exit).toBe(1);
    expect(gone.io.stderr).toContain('cannot be reached');
  });
});

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

describe('what is printed', () => {
  it('prints events for programs as one object a line', async () => {
    const event = {
      ...{ id: 1, at: AT, run: 'r1', host: 'web01', job: 'stop:orders-web', step: 'stop' },
      ...{ event: 'succeeded', attempt: 1, direction: 'forward' as const, message: '' },
    };
    await logIn({
      runs: { events: async ({ afterId }) => ({ events: afterId === 0 ? [event] : [], ended: true }) },
    });
    const { exit, io } = await tidemark(['run', 'events', 'r1', '-o', 'jsonl']);
    expect(exit).toBe(0);
    expect(io.stdout).toBe(
      '{"at":"2026-03-21T21:00:00.000Z","run":"r1","host":"web01","job":"stop:orders-web","step":"stop","event":"succeeded","attempt":1,"direction":"forward"}\n',
    );
  });

  it('ends with status 3 where there is drift, and with 0 where there is none', async () => {
    const report = DriftReport.parse(sampleDrift);
    const identical = { ...report, identical: true, sentence: 'identical', groups: [] };
    await logIn({
      verification: { compare: async a => ok(a === 'db01' ? report : identical), drift: async () => ok(report) },
    });
    expect((await tidemark(['drift', 'db01', 'db02'])).exit).toBe(3);
    expect((await tidemark(['drift', 'db02'])).exit).toBe(3);
    const same = await tidemark(['drift', 'app01', 'app02']);
    expect(same.exit).toBe(0);
    expect(same.io.stdout).toContain('identical');
  });

  it('lets two hosts do an audit, waits for it, and compares what they answered', async () => {
    const report = DriftReport.parse(sampleDrift);
    const scanOf = (host: string, state: 'asked' | 'done' | 'failed') => ({
      ...{ id: `00000000-0000-4000-8000-0000000000${host.slice(-2)}`, host, state, askedAt: 1, endedAt: null },
      ...{
        message: state === 'failed' ? 'not open to audits' : '',
        fingerprint: state === 'done' ? `f-${host}` : null,
      },
    });
    let outcome: 'done' | 'failed' = 'done';
    const asked: unknown[] = [];
    const enrolled = {
      ...{ id: null, state: 'enrolled' as const, connected: true, lastSeenAt: null },
      ...{ agentVersion: null, application: null, environment: null, tags: [] },
    };
    await logIn({
      hosts: { list: async () => ['db01', 'db02'].map(name => ({ ...enrolled, name })) },
      verification: {
        audit: async input => {
          asked.push(input);
          return ok(input.hosts.map(host => scanOf(host, 'asked')));
        },
        scanRequest: async id => scanOf(`db${id.slice(-2)}`, outcome),
        compare: async (a, b) => {
          asked.push([a, b]);
          return ok(report);
        },
      },
    });
    expect((await tidemark(['drift', 'db01', 'db02', '--audit', '/usr/bin', '/opt'])).exit).toBe(3);
    expect(asked).toEqual([
      { hosts: ['db01', 'db02'], paths: ['/usr/bin', '/opt'], by: expect.any(String) },
      ['db01@f-db01', 'db02@f-db02'],
    ]);
    outcome = 'failed';
    const refused = await tidemark(['drift', 'db01', 'db02', '--audit', '/etc']);
    expect(refused.exit).toBe(1);
    expect(refused.io.stderr).toContain('db01 did not do the audit: not open to audits');
    expect((await tidemark(['drift', 'db01', '--audit', '/opt'])).exit).toBe(2);
    expect((await tidemark(['drift', 'db01', 'db02', '--audit', 'opt'])).exit).toBe(2);
  });

  it('shows what a job wrote as text, with what is missing between head and tail', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    await logIn({
      runs: {
        job: async input => ({
          ...{ ...input, job: 'stop:orders-web', state: 'failed' as const, attempt: 1, message: '' },
          ...{ size: 1_000, digest: 'sha256:x', head: base64('\u001b[2Jbegin\n'), tail: base64('end\n') },
        }),
      },
    });
    const { io } = await tidemark(['run', 'output', 'r1', 'web01', 'stop:orders-web']);
    expect(io.stdout).toBe('begin\n… 986 bytes are not kept; the whole had digest sha256:x …\nend\n');
  });

  it.each(['table', 'wide', 'json', 'yaml', 'jsonl', 'name'])(
    'lists hosts as %s, with nothing that a terminal obeys',
    async format => {
      const host = {
        ...{ name: 'web01', id: null, state: 'not-enrolled' as const, connected: false, lastSeenAt: null },
        ...{ agentVersion: null, application: '\u001b[31m\u202eorders', environment: null, tags: [] },
      };
      await logIn({ hosts: { list: async () => [host] } });
      const { exit, io } = await tidemark(['get', 'hosts', '-o', format]);
      expect(exit).toBe(0);
      expect(io.stdout).toContain('web01');
      for (const character of ['\u001b', '\u202e']) expect(io.stdout).not.toContain(character);
    },
  );

  it('waits for scans and says which failed', async () => {
    const id = '33333333-3333-4333-8333-333333333333';
    let looks = 0;
    const scan = (state: 'asked' | 'done' | 'failed') => ({
      ...{ id, host: 'db02', state, message: state === 'failed' ? 'disk is gone' : '', fingerprint: null },
      ...{ askedAt: AT, endedAt: null },
    });
    const host = {
      name: 'db02',
      id,
      state: 'enrolled' as const,
      connected: true,
      lastSeenAt: null,
      agentVersion: null,
    };
    await logIn({
      hosts: {
        list: async () => [{ ...host, application: null, environment: null, tags: [] }],
        get: async () => null,
      },
      verification: {
        scan: async () => ok(scan('asked')),
        scanRequest: async () => scan(++looks < 3 ? 'asked' : 'failed'),
      },
    });
    const { exit, io } = await tidemark(['scan', 'db02']);
    expect(exit).toBe(1);
    expect(io.stdout).toMatch(/db02 +failed +- +disk is gone/);
  });
});

describe('bundle create', () => {
  it('takes packages as the package manager writes them, with digest and architecture where they are said', async () => {
    const made: unknown[] = [];
    await logIn({
      bundles: {
        createBundle: async ({ by: _, ...input }) => {
          made.push(input);
          const digest = `sha256:${'0'.repeat(64)}` as const;
          const { name, packages, advisories } = input;
          const ring = { ring: 'test', ringSince: 0, held: null, withdrawn: null };
          return ok({ name, ...ring, digest, releases: [], packages, advisories, createdBy: 'a', createdAt: 0 });
        },
      },
    });
    const hex = 'AB'.repeat(32);
    const packages = [`libssl3=3.0.22-1~deb12u2@${hex}`, 'tar:amd64=1:1.34-1', 'rpm/gcc-c++=0:12-1.el9'];
    const { exit, io } = await tidemark(['bundle', 'create', 'nov', ...packages.flatMap(each => ['--package', each])]);
    expect(io.stderr).toBe('');
    expect(exit).toBe(0);
    expect(made).toEqual([
      {
        name: 'nov',
        ring: null,
        advisories: [],
        releases: [],
        packages: [
          {
            family: 'dpkg',
            name: 'libssl3',
            version: '3.0.22-1~deb12u2',
            architecture: null,
            sha256: `sha256:${hex.toLowerCase()}`,
          },
          { family: 'dpkg', name: 'tar', version: '1:1.34-1', architecture: 'amd64', sha256: null },
          { family: 'rpm', name: 'gcc-c++', version: '0:12-1.el9', architecture: null, sha256: null },
        ],
      },
    ]);
    expect(io.stdout).toMatch(/dpkg +libssl3 +3\.0\.22-1~deb12u2/);
  });
});

describe('wrong usage ends with status 2 and one clear message', () => {
  it.each([
    ['an unknown command', ['aply'], /unknown command 'aply'.*Did you mean apply/s],
    ['an unknown option', ['get', 'hosts', '--al'], /unknown option '--al'/],
    ['a missing argument', ['plan'], /missing required argument 'policy'/],
    ['a time without a zone', ['plan', 'x', '--at', '2026-03-21T22:00:00'], /with its zone/],
    ['a duration without a unit', ['enrol', 'token', 'db01', '--ttl', '10'], /Give a duration/],
    ['a bundle of nothing', ['bundle', 'create', 'b'], /give a --release or a --package/],
    ['a package without a version', ['bundle', 'create', 'b', '--package', 'zsh'], /NAME=VERSION/],
    ['a package of no family', ['bundle', 'create', 'b', '--package', 'yum/zsh=1'], /no family of packages: dpkg, rpm/],
    ['a package with half a digest', ['bundle', 'create', 'b', '--package', 'zsh=1@abc'], /NAME=VERSION@SHA256/],
    ['a release without a version', ['bundle', 'create', 'b', '--release', 'orders-web'], /PRODUCT@VERSION/],
    ['an approver without a file', ['trust', 'create', '--approver', 'anna'], /NAME=FILE/],
    ['a URL that is not https', ['login', 'http://x:1', '--token-file', 'a', '--ca-file', 'b'], /https:\/\/HOST:PORT/],
    ['an unknown format', ['get', 'hosts', '-o', 'xml'], /Allowed choices are/],
  ])('%s', async (_, args, message) => {
    const { exit, io } = await tidemark(args);
    expect(io.stderr).toMatch(message);
    expect(io.stdout).toBe('');
    expect(exit).toBe(2);
  });
});
