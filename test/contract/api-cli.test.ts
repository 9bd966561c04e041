import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DriftReport } from '@tidemark/controller/api/contract/fingerprints.ts';
import { sampleDrift } from '@tidemark/controller/cli/testing/samples.ts';
import { ok } from '@tidemark/shared/base/result.ts';
import { describe, expect, it } from 'vitest';
import { controller, file, logIn, tidemark } from './api-cli-fixture.ts';
import { AT } from './api-fixture.ts';

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
    ['a bundle of nothing', ['bundle', 'create', 'b'], /give a --release, a --package or a --file/],
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
