import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FromExecutor } from '@tidemark/agent/boundary/messages.ts';
import { openScan } from '@tidemark/agent/scan/scan.ts';
import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { auditProfile, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { sealKey } from '@tidemark/shared/fingerprint/sealed-key.ts';
import { secretKeyId } from '@tidemark/shared/fingerprint/secret-key-id.ts';
import { findEntry } from '@tidemark/shared/fingerprint/walk.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { signScanProfile } from '@tidemark/shared/signing/scan-profile.ts';
import { type SecretKeyStatement, signSecretKey } from '@tidemark/shared/signing/secret-key.ts';
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

  it('that never comes fails the step at its timeout, which names it', async () => {
    const it = server.order([{ id: 'stage', call: stage, timeoutMs: 2_000 }]);
    server.runAll(it);
    await until('it failed', () => server.story(it).includes('stage failed'));
    expect(server.jobReport(it, 'stage', 'failed').message).toMatch(
      /timeout of 2000 ms: shop-1.0.tar.gz did not come in time; is the controller reachable\?/,
    );
  });

  it('is asked for again after every connection', async () => {
    server.runAll(order());
    await until('it is wanted', () => find('artifact-wanted').length > 0);
    server.send({ type: 'connected', acknowledged: 0, known: null });
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

  it('that is an audit is refused where the server does not open what it looks at', async () => {
    const audit = auditProfile(['/opt', '/etc'], randomBytes(32));
    server.send({
      type: 'observe-scan',
      request: 'r3',
      profile: Buffer.from(canonicalJson(audit)),
      envelope: Buffer.alloc(0),
    });
    await until('it is answered', () => find('scan-failed').length === 1);
    expect(find('scan-failed')[0]?.message).toBe(
      "this server's policy does not open /etc to audits (audits in its policy file)",
    );
  });

  const ask = (request: string, asked: Json, envelope: Uint8Array = Buffer.alloc(0)) =>
    server.send({ type: 'observe-scan', request, profile: Buffer.from(canonicalJson(asked)), envelope });
  const signed = (asked: ScanProfile, by?: KeyObject, fleet?: string) =>
    encodeEnvelope(
      server.sign(
        keys =>
          signScanProfile(
            { format: 'tidemark/scan-profile/v1', fleet: fleet ?? server.fleet, profile: asked, signedAt: 1 },
            keys,
          ),
        by,
      ),
    );
  const answers = async (count: number) => {
    await until('all are answered', () => find('scan-ready').length + find('scan-failed').length === count);
    return new Map([
      ...find('scan-ready').map(({ request }) => [request, 'scanned'] as const),
      ...find('scan-failed').map(({ request, message }) => [request, message] as const),
    ]);
  };

  it('that is asked for is made where somebody signed its profile, or it came with the agent', async () => {
    ask('signed', {}, signed(profile));
    ask('built in', LINUX_SERVER);
    ask('unsigned', profile);
    ask('by nobody', {}, signed(profile, generateKeyPairSync('ed25519').privateKey));
    ask('of another fleet', {}, signed(profile, undefined, 'other'));
    ask('none', {});
    ask('no envelope', {}, Buffer.from('{}'));
    const said = await answers(7);
    expect([said.get('signed'), said.get('built in')]).toEqual(['scanned', 'scanned']);
    expect(said.get('unsigned')).toContain('nobody has signed the scan profile test version 1');
    expect(said.get('unsigned')).toContain('tidemark profile sign');
    expect(said.get('by nobody')).toContain('no trusted key signed this');
    expect(said.get('of another fleet')).toContain('for fleet other');
    expect(said.get('none')).toContain('profile');
    expect(said.get('no envelope')).toContain('no DSSE envelope');
  });

  it('that is asked for is made under a profile that an approved order carried', async () => {
    server.runAll(server.order([{ id: 'scan', call: { kind: 'scan/run', args: { profile } } }]));
    await until('it is ready', () => find('scan-ready').length > 0);
    ask('again', profile);
    ask('more', { ...profile, roots: [{ path: '/etc', plane: 'config' }] });
    const said = await answers(3);
    expect(said.get('again')).toBe('scanned');
    expect(said.get('more')).toContain('nobody has signed');
  });
});

describe('a dry run', () => {
  beforeEach(() => server.start());

  const ask = async (wish: string) => {
    const before = find('dry-run').length;
    server.send({ type: 'observe-dry-run', request: 'd', wish: Buffer.from(wish, 'utf8') });
    await until('it is answered', () => find('dry-run').length > before);
    const answer = find('dry-run').at(-1);
    expect(answer?.result).toBeNull();
    return answer?.message;
  };
  const call = (kind: string, args: Json) => JSON.stringify({ calls: [{ kind, args }] });
  const upgrade = (name: string) =>
    call('package/upgrade', {
      packages: [{ name, version: '1.1', architecture: null, sha256: null }],
      ...{ conffiles: 'keep', others: 'refuse', lockWaitMs: 0 },
    });

  it('is made of nothing but changes of packages, and of no names that could be options', async () => {
    for (const wish of [
      call('command/run', { command: ['/bin/true'], expectStatus: [0] }),
      call('package/repair', { lockWaitMs: 0 }),
      upgrade('--reinstall'),
      upgrade('demo-svc-'),
      '{"calls":[]}',
      '{}',
      'no JSON',
    ])
      expect([wish, await ask(wish)]).toEqual([wish, expect.stringContaining('does not fit its schema')]);
  });

  it('is refused as the step would be, and where no package manager looks after the server', async () => {
    expect(await ask(upgrade('demo-svc'))).toContain('no package manager that is known here looks after');
    expect(await ask('{"calls":null}')).toContain('no package manager that is known here looks after');
    await server.close();
    server = new TestServer({ kinds: ['check/*'] });
    await server.start();
    expect(await ask(upgrade('demo-svc'))).toContain('steps of kind package/upgrade are not among the kinds');
  });
});

describe('a key for secrets', () => {
  const secretProfile: ScanProfile = { ...profile, secret: ['/opt/shop/file'] };
  const factsOf = (request: string) => find('facts').find(facts => facts.request === request)?.facts;

  /** Asks for facts, and gives them: the agent's public key and the key that it has. */
  async function facts(request: string): Promise<{ sealingKey: string; secretKey?: { keyId: string } }> {
    server.send({ type: 'observe-facts', request, known: null });
    await until('they are there', () => factsOf(request) !== undefined);
    return factsOf(request) as { sealingKey: string; secretKey?: { keyId: string } };
  }

  function keyFor(recipient: string, secret: Buffer, change: Partial<SecretKeyStatement> = {}, by?: KeyObject) {
    const statement: SecretKeyStatement = {
      ...{ format: 'tidemark/secret-key/v1', fleet: server.fleet, name: 'shop', generation: 1 },
      ...{ keyId: secretKeyId(secret), hostId: server.hostId, recipient, signedAt: 1 },
      sealed: sealKey(secret, Buffer.from(recipient, 'base64'), randomBytes).toString('base64'),
      ...change,
    };
    server.send({
      type: 'secret-key',
      envelope: encodeEnvelope(server.sign(keys => signSecretKey(statement, keys), by)),
    });
  }

  /** What the newest scan says of the secret, and under which key. */
  async function secretOf(request: string) {
    server.runAll(server.order([{ id: request, call: { kind: 'scan/run', args: { profile: secretProfile } } }]));
    const before = find('scan-ready').length;
    await until('it is ready', () => find('scan-ready').length > before);
    const opened = openScan(find('scan-ready').at(-1)?.directory ?? '');
    if (!opened.ok) throw new Error(opened.error);
    const { file, node, close } = opened.value;
    const load: NodeLoader = async ids => new Map(ids.map(id => [nodeKey(id), node(id)?.data ?? Buffer.alloc(0)]));
    const root = Buffer.from(file.softwareRoot, 'hex');
    const entry = await findEntry('software', root, load, Buffer.from('/opt/shop/file'));
    close();
    return { key: file.coverage.secretKey, digest: entry?.kind === 'file' ? entry.digest : null };
  }

  beforeEach(() => server.start());

  it('that somebody signed for this host is taken, outlives the agent, and is what secrets are digested under', async () => {
    expect(await secretOf('without')).toEqual({ key: null, digest: null });
    const secret = randomBytes(32);
    keyFor((await facts('before')).sealingKey, secret);
    await until('it is taken', () => find('facts').some(told => told.facts['secretKey'] !== undefined));
    await server.kill();
    await server.start();
    expect((await facts('after')).secretKey).toEqual({ name: 'shop', generation: 1, keyId: secretKeyId(secret) });
    const hmac = createHmac('sha256', secret).update('content').digest();
    expect(await secretOf('with')).toEqual({ key: secretKeyId(secret), digest: hmac });
  });

  it('is not taken from anybody else, for anybody else, older than the one it has, or exchanged for another', async () => {
    const { sealingKey } = await facts('before');
    const [secret, other] = [randomBytes(32), randomBytes(32)];
    keyFor(sealingKey, secret, { generation: 2 });
    await until('it is taken', () => find('facts').some(told => told.facts['secretKey'] !== undefined));
    keyFor(sealingKey, other, { generation: 3 }, generateKeyPairSync('ed25519').privateKey);
    keyFor(sealingKey, other, { generation: 3, hostId: 'another' });
    keyFor(sealingKey, other, { generation: 1 });
    keyFor(sealingKey, other, { generation: 3, keyId: secretKeyId(secret) });
    keyFor(sealingKey, other, { name: 'before', signedAt: 0 });
    expect((await facts('after')).secretKey?.keyId).toBe(secretKeyId(secret));
    keyFor(sealingKey, other, { generation: 3 });
    await until('the next one is taken', () =>
      find('facts').some(
        ({ facts: told }) => (told['secretKey'] as { generation?: number } | undefined)?.generation === 3,
      ),
    );
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
    server.send({ type: 'observe-facts', request: 'r1', known: null });
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
