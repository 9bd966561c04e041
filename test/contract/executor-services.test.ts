import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FromExecutor } from '@tidemark/agent/boundary/messages.ts';
import { openScan } from '@tidemark/agent/scan/scan.ts';
import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import { auditProfile, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer, until } from './executor-support.ts';

/* What steps and the link do for each other: artifacts, scans, facts. */

let server: TestServer;

beforeEach(async () => {
  server = new TestServer();
  mkdirSync(join(server.root, 'opt/shop'), { recursive: true });
  writeFileSync(join(server.root, 'opt/shop/file'), 'content');
});

afterEach(() => server.close());

const find = <T extends FromExecutor['type']>(type: T) =>
  server.messages.filter((message): message is Extract<FromExecutor, { type: T }> => message.type === type);

const profile: ScanProfile = {
  name: 'test',
  version: 1,
  roots: [{ path: '/opt', plane: 'software' }],
  ignore: [],
  expect: [],
};

describe('an artifact', () => {
  const bytes = Buffer.from('an archive');
  const hex = createHash('sha256').update(bytes).digest('hex');
  const digest = `sha256:${hex}` as const;
  const stage = { kind: 'artifact/stage' as const, args: { name: 'shop-1.0.tar.gz', digest, bytes: bytes.length } };
  const incoming = () => join(server.stateDir, 'artifacts/incoming');
  const deliver = (content: Buffer, directory = incoming()) => {
    const file = join(directory, hex);
    writeFileSync(file, content);
    server.send({ type: 'artifact-ready', digest, file });
  };
  const order = (retries = 0) => server.order([{ id: 'stage', call: stage, retries: { max: retries, backoffMs: 0 } }]);

  beforeEach(() => server.start());

  it('is asked for, checked and taken over', async () => {
    const it = order();
    server.runAll(it);
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    expect(find('artifact-wanted')).toEqual([
      { type: 'artifact-wanted', digest, name: 'shop-1.0.tar.gz', bytes: bytes.length },
    ]);
    deliver(bytes);
    await until('the end', () => server.story(it).includes('finished forward'));
    expect(readFileSync(join(server.stateDir, 'artifacts', hex))).toEqual(bytes);
    expect(readdirSync(incoming())).toEqual([]);
  });

  it('that is there is not asked for again', async () => {
    writeFileSync(join(server.stateDir, 'artifacts', hex), bytes);
    const it = order();
    server.runAll(it);
    await until('the end', () => server.story(it).includes('finished forward'));
    expect(find('artifact-wanted')).toEqual([]);
  });

  it('that is something else is refused, and asked for again by the next attempt', async () => {
    const it = order(1);
    server.runAll(it);
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    deliver(Buffer.from('something'));
    await until('it is wanted again', () => find('artifact-wanted').length > 1);
    expect(server.jobReport(it, 'stage', 'failed').message).toContain('is not what its digest says');
    expect(existsSync(join(server.stateDir, 'artifacts', hex))).toBe(false);
    deliver(bytes);
    await until('the end', () => server.story(it).includes('finished forward'));
  });

  it('is not taken from anywhere but where the link puts them', async () => {
    const it = order();
    server.runAll(it);
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    deliver(bytes, server.base);
    await until('it failed', () => server.story(it).includes('stage failed'));
  });

  it('that cannot be fetched fails the step with the reason', async () => {
    const it = order();
    server.runAll(it);
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    server.send({ type: 'artifact-failed', digest, message: 'the controller does not have it' });
    await until('it failed', () => server.story(it).includes('stage failed'));
    expect(server.jobReport(it, 'stage', 'failed').message).toContain('the controller does not have it');
  });

  it('is asked for again after every connection', async () => {
    server.runAll(order());
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    server.send({ type: 'connected', acknowledged: 0 });
    await until('it is wanted again', () => find('artifact-wanted').length > 1);
  });
});

describe('a scan', () => {
  beforeEach(() => server.start());

  it('of an order is made, kept until it is uploaded, and then removed', async () => {
    const order = server.order([{ id: 'scan', call: { kind: 'scan/run', args: { profile } } }]);
    server.runAll(order);
    await until('it is ready', () => find('scan-ready').length > 0);
    const [ready] = find('scan-ready');
    expect(ready).toMatchObject({ request: '', orderDigest: order.digest });
    const stored = openScan(ready?.directory ?? '');
    expect(stored.ok).toBe(true);
    if (stored.ok) stored.value.close();
    await server.kill();
    server.messages.length = 0;
    await server.start();
    await until('it is ready still', () => find('scan-ready').length > 0);
    expect(find('scan-ready')[0]).toEqual(ready);
    server.send({ type: 'scan-uploaded', scan: ready?.scan ?? '' });
    await until('it is removed', () => !existsSync(ready?.directory ?? ''));
  });

  it('that is asked for is answered; under no profile, or as an audit of what is not open to any, it is refused', async () => {
    server.send({ type: 'observe-scan', request: 'r1', profile: Buffer.from(canonicalJson(profile)) });
    server.send({ type: 'observe-scan', request: 'r2', profile: Buffer.from('{}') });
    const audit = auditProfile(['/opt', '/etc'], randomBytes(32));
    server.send({ type: 'observe-scan', request: 'r3', profile: Buffer.from(canonicalJson(audit)) });
    await until('all are answered', () => find('scan-ready').length === 1 && find('scan-failed').length === 2);
    expect(find('scan-ready')[0]).toMatchObject({ request: 'r1', orderDigest: null });
    const failed = (request: string) => find('scan-failed').find(each => each.request === request)?.message;
    expect(failed('r2')).toContain('profile');
    expect(failed('r3')).toBe("this server's policy does not open /etc to audits (audits in its policy file)");
  });
});

describe('facts', () => {
  it('tell of the server, its releases and what the site adds, and of what went wrong', async () => {
    const factsDir = join(server.root, 'facts.d');
    mkdirSync(factsDir);
    const script = (name: string, mode: number, ...lines: string[]) =>
      writeFileSync(join(factsDir, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode });
    script('cluster.sh', 0o755, 'echo \'{"role":"standby"}\'; echo noise >&2');
    script('broken', 0o755, 'echo no json');
    script('fails', 0o755, 'exit 3');
    script('floods', 0o755, 'head -c 1000000 /dev/zero');
    script('os', 0o755, 'echo 1');
    script('readme', 0o644, 'not run');
    mkdirSync(join(server.root, 'opt/web/releases/1.4.0'), { recursive: true });
    await server.start();
    server.send({ type: 'observe-facts', request: 'r1' });
    await until('they are there', () => find('facts').some(({ request }) => request === 'r1'));
    const facts = find('facts').find(({ request }) => request === 'r1')?.facts ?? {};
    expect(facts).toMatchObject({
      cluster: { role: 'standby' },
      releases: { web: { home: '/opt/web', version: null, available: ['1.4.0'] } },
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      os: { platform: 'linux' },
    });
    expect(facts['readme']).toBeUndefined();
    const errors = facts['errors'] as string[];
    expect(errors).toEqual([
      expect.stringMatching(/^broken: did not print JSON/),
      'fails: exit status 3',
      expect.stringMatching(/^floods: printed more than/),
      'os: the name os is taken',
    ]);
  });
});

describe('facts in an order', () => {
  const site = (name: string, ...lines: string[]) => {
    mkdirSync(join(server.root, 'facts.d'), { recursive: true });
    writeFileSync(join(server.root, 'facts.d', name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  };

  it('are collected and sent by inventory/run, and its report says which', async () => {
    site('pg', 'echo \'{"lag":1}\'');
    await server.start();
    await until('those of the connection are there', () => find('facts').length === 1);
    site('pg', 'echo \'{"lag":2}\'');
    const order = server.order([{ id: 'inventory', call: { kind: 'inventory/run', args: {} } }]);
    server.runAll(order);
    await until('they are there', () => find('facts').length === 2);
    expect(find('facts')[1]).toMatchObject({
      request: '',
      facts: { pg: { lag: 2 }, kernel: {}, hostname: hostname() },
    });
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.jobReport(order, 'inventory', 'succeeded').message).toMatch(/^collected pg, .*kernel/);
  });

  it('are looked at by a condition, which runs only the programs that it names', async () => {
    site('pg', 'echo \'{"lag":2}\'');
    site('other', `touch ${join(server.root, 'ran')}`, 'echo 1');
    const cel = (condition: string) => ({ kind: 'check/facts' as const, args: { condition, withinMs: 0 } });
    await server.start();
    await until('those of the connection are there', () => find('facts').length === 1);
    rmSync(join(server.root, 'ran'));
    const checks = [cel('facts.pg.lag < 3 && facts.kernel.running == facts.kernel.newest'), cel('facts.pg.lag < 2')];
    const order = server.order([{ id: 'validate', call: { kind: 'check/all', args: { checks } } }]);
    server.runAll(order);
    await until('it failed', () => server.story(order).includes('validate failed'));
    expect(server.jobReport(order, 'validate', 'failed').message).toBe(
      '1 of 2 checks failed: (1) check/facts: facts.pg.lag < 2 is false: facts.pg.lag is 2',
    );
    expect(existsSync(join(server.root, 'ran'))).toBe(false);
  });
});

describe('check/http', () => {
  let http: Server;
  let answers: number[];

  beforeEach(async () => {
    answers = [];
    http = createServer((_request, response) => {
      response.statusCode = answers.shift() ?? 200;
      response.end('all is well');
    });
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
    await server.start();
  });

  afterEach(() => new Promise(resolve => http.close(resolve)));

  const check = (expectText: string | null, withinMs: number) => {
    const { port } = http.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/health`;
    return server.order([
      { id: 'health', call: { kind: 'check/http', args: { url, expectStatus: 200, expectText, withinMs } } },
    ]);
  };

  it('tries until the answer is good', async () => {
    answers = [503, 503];
    const order = check('well', 30_000);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.jobReport(order, 'health', 'succeeded').facts).toMatchObject({ status: 200, tries: 3 });
  });

  it('fails with what it saw', async () => {
    const order = check('splendid', 0);
    server.runAll(order);
    await until('it failed', () => server.story(order).includes('health failed'));
    expect(server.jobReport(order, 'health', 'failed').message).toContain('status 200 without the text "splendid"');
  });
});
