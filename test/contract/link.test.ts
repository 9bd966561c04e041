import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { credentials, status } from '@grpc/grpc-js';
import { certificateRequest } from '@tidemark/agent/link/certificate-request.ts';
import type { LinkStream } from '@tidemark/agent/link/connection.ts';
import { CHANNEL_OPTIONS } from '@tidemark/agent/link/grpc.ts';
import type { Identity } from '@tidemark/agent/link/identity.ts';
import { AUTHORISATION } from '@tidemark/controller/link/authorisation.ts';
import type { AgentReport } from '@tidemark/controller/link/messages.ts';
import { createLinkServer } from '@tidemark/controller/link/server.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { ArtifactService } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { EnrolmentClient, EnrolmentService } from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import { FingerprintService } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { type AgentMessage, LinkClient, LinkService } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { MAX_AGENT_MESSAGE_BYTES } from '@tidemark/shared/protocol/limits.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fleet, openAuthority, startAgentLink, startFleet } from '../support/fleet-link.ts';

const digest = digestOf(Buffer.from('order'));
const HELLO: AgentMessage = {
  body: {
    $case: 'hello',
    value: { protocolMin: 1, protocolMax: 1, agentVersion: '1', bootId: 'b', hostName: 'h' },
  },
};

const toClose: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function fleetWith(options: Parameters<typeof startFleet>[0] = {}): Promise<Fleet> {
  const fleet = await startFleet(options);
  toClose.push(() => fleet.close());
  return fleet;
}

function linkFor(...[agent, options]: Parameters<typeof startAgentLink>) {
  const started = startAgentLink(agent, options);
  toClose.push(() => started.link.stop());
  return started;
}

/** A client without any manners of an agent. */
function rawClient(fleet: Fleet, identity: { keyPem: string; chainPem: string }): LinkClient {
  const channel = credentials.createSsl(
    Buffer.from(fleet.authority.rootPem),
    Buffer.from(identity.keyPem),
    Buffer.from(identity.chainPem),
  );
  const client = new LinkClient(`127.0.0.1:${fleet.linkPort}`, channel, CHANNEL_OPTIONS);
  toClose.push(() => client.close());
  return client;
}

function statusOf(stream: LinkStream): Promise<{ code: number; details: string }> {
  stream.on('error', () => {});
  stream.resume();
  return new Promise(resolve => stream.on('status', resolve));
}

const reportsHeard = (fleet: Fleet): number[] =>
  fleet.heard.all.flatMap(({ call, value }) =>
    call === 'reports' ? (value as AgentReport[]).map(report => report.sequence) : [],
  );

describe('the link', () => {
  it('carries both sides: hello, welcome, standings, reports, facts, and what the controller sends', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const { link, heard } = linkFor(agent);
    expect(await heard.until(message => message.type === 'connected')).toEqual({ type: 'connected', acknowledged: 0 });
    link.deliver({
      type: 'standings',
      standings: [{ orderDigest: digest, frontier: 3, position: 1, direction: 'forward' }],
    });
    link.deliver({
      type: 'report',
      report: { sequence: 1, atMs: 5, body: { type: 'order-accepted', orderDigest: digest } },
    });
    link.deliver({ type: 'facts', request: '', atMs: 7, facts: { kernel: '6.1' } });
    await heard.until(message => message.type === 'acknowledge');
    expect((await fleet.heard.until(({ call }) => call === 'standings')).value).toEqual([
      { orderDigest: digest, frontier: 3, position: 1, direction: 'forward' },
    ]);
    const facts = await fleet.heard.until(({ call }) => call === 'facts');
    expect(facts).toMatchObject({
      caller: { hostId: agent.hostId, hostName: 'db01' },
      value: { facts: { kernel: '6.1' } },
    });

    expect(fleet.server.sessions.connected()).toEqual([agent.hostId]);
    const proof = { leafIndex: 1, leafCount: 2, path: [randomBytes(32)] };
    const sent = fleet.server.sessions.send(agent.hostId, {
      type: 'order-offer',
      order: Buffer.from('{"format":1}'),
      proof,
      approvals: [Buffer.from('{}')],
    });
    expect(sent).toBe(true);
    expect(await heard.until(message => message.type === 'order-offer')).toEqual({
      type: 'order-offer',
      order: Buffer.from('{"format":1}'),
      proof,
      approvals: [Buffer.from('{}')],
    });
    expect(await heard.until(message => message.type === 'output-credit')).toMatchObject({ bytes: 262_144 });
    expect(fleet.server.sessions.send('nobody', { type: 'observe-facts', request: 'r' })).toBe(false);
  });

  it('acknowledges a report only when the handler has stored it', async () => {
    let store = () => {};
    const stored = new Promise<void>(resolve => {
      store = resolve;
    });
    const fleet = await fleetWith({
      handlers: { reports: async (_, reports) => stored.then(() => reports.at(-1)?.sequence ?? 0) },
    });
    const { link, heard } = linkFor(await fleet.agent('db01'));
    await heard.until(message => message.type === 'connected');
    link.deliver({
      type: 'report',
      report: { sequence: 1, atMs: 0, body: { type: 'order-accepted', orderDigest: digest } },
    });
    // Something that is said after it and would be handled at once if anything were.
    link.deliver({ type: 'facts', request: '', atMs: 0, facts: {} });
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(heard.all.map(message => message.type)).not.toContain('acknowledge');
    expect(fleet.heard.all.map(({ call }) => call)).not.toContain('facts');
    store();
    expect(await heard.until(message => message.type === 'acknowledge')).toEqual({ type: 'acknowledge', sequence: 1 });
    await fleet.heard.until(({ call }) => call === 'facts');
  });

  it('comes back after a handler failed, and the executor is asked to say again what was not stored', async () => {
    let failures = 1;
    const kept: number[] = [];
    const fleet = await fleetWith({
      handlers: {
        hello: async () => ({ acknowledged: kept.length }),
        reports: async (_, reports) => {
          if (failures-- > 0) throw new Error('the database is away');
          for (const { sequence } of reports) if (sequence > kept.length) kept.push(sequence);
          return kept.length;
        },
      },
    });
    const spool = [1, 2, 3].map(sequence => ({
      sequence,
      atMs: 0,
      body: { type: 'order-accepted' as const, orderDigest: digest },
    }));
    const { link, heard } = linkFor(await fleet.agent('db01'), {
      sleep: async (ms, signal) => {
        // Waits for reconnecting are short here, heartbeats are not awaited.
        if (ms < 1000) return;
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      },
    });
    heard
      .until(message => message.type === 'connected')
      .then(() => {
        for (const report of spool) link.deliver({ type: 'report', report });
      });
    await heard.until(() => heard.all.filter(message => message.type === 'connected').length === 2);
    for (const report of spool) link.deliver({ type: 'report', report });
    await heard.until(message => message.type === 'acknowledge' && message.sequence === 3);
    expect(kept).toEqual([1, 2, 3]);
  });

  it('keeps one stream a host: a newer one takes the place of the older', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const first = rawClient(fleet, agent.identity).connect();
    const ended = statusOf(first);
    first.write(HELLO);
    await fleet.heard.until(({ call }) => call === 'hello');
    const second = rawClient(fleet, agent.identity).connect();
    second.on('error', () => {});
    second.write(HELLO);
    const [welcome] = await once(second, 'data');
    expect(welcome.body.$case).toBe('welcome');
    expect(await ended).toMatchObject({ code: status.ABORTED, details: expect.stringContaining('took over') });
    expect(fleet.server.sessions.connected()).toEqual([agent.hostId]);
    // The host is not gone: it is there with its newer stream.
    expect(fleet.heard.all.map(({ call }) => call)).not.toContain('gone');
    second.cancel();
    await fleet.heard.until(({ call }) => call === 'gone');
    expect(fleet.server.sessions.connected()).toEqual([]);
  });

  it('keeps answers for a controller that is away, and of what nobody asked for only the newest', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const { link } = linkFor(agent);
    // Said before there can be a connection.
    for (const version of [1, 2]) link.deliver({ type: 'facts', request: '', atMs: 0, facts: { version } });
    link.deliver({ type: 'facts', request: 'q1', atMs: 0, facts: {} });
    link.deliver({ type: 'scan-failed', request: 'q2', message: 'no such directory' });
    await fleet.heard.until(({ call }) => call === 'scanFailed');
    const facts = fleet.heard.all.filter(({ call }) => call === 'facts').map(({ value }) => value);
    expect(facts).toEqual([
      { request: '', atMs: 0, facts: { version: 2 } },
      { request: 'q1', atMs: 0, facts: {} },
    ]);
  });

  it('uploads a scan until that works, and only then speaks of it', async () => {
    const fleet = await fleetWith();
    const directories: string[] = [];
    const { link, heard } = linkFor(await fleet.agent('db01'), {
      sleep: async (ms, signal) => {
        if (ms < 1000) return;
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      },
      uploadScan: async ({ directory }) => {
        directories.push(directory);
        expect(fleet.heard.all.map(({ call }) => call)).not.toContain('scanReady');
        return directories.length < 3
          ? { ok: false, error: { again: true, message: 'the connection broke' } }
          : { ok: true, value: null };
      },
    });
    link.deliver({ type: 'scan-ready', scan: 's1', request: 'q1', orderDigest: null, directory: '/scans/s1' });
    expect(await heard.until(message => message.type === 'scan-uploaded')).toEqual({
      type: 'scan-uploaded',
      scan: 's1',
    });
    const ready = await fleet.heard.until(({ call }) => call === 'scanReady');
    expect(ready.value).toEqual({ scan: 's1', request: 'q1', orderDigest: null });
    expect(directories).toEqual(['/scans/s1', '/scans/s1', '/scans/s1']);
  });

  it('says that a scan failed which the controller will never take', async () => {
    const fleet = await fleetWith();
    const { link, heard } = linkFor(await fleet.agent('db01'), {
      uploadScan: async () => ({ ok: false, error: { again: false, message: 'a child is missing' } }),
    });
    link.deliver({ type: 'scan-ready', scan: 's1', request: 'q1', orderDigest: null, directory: '/scans/s1' });
    const failed = await fleet.heard.until(({ call }) => call === 'scanFailed');
    expect(failed.value).toMatchObject({ request: 'q1', message: 'a child is missing' });
    expect(heard.all.map(message => message.type)).not.toContain('scan-uploaded');
  });

  it('is read no further than can be handled, and loses nothing by that', async () => {
    let open = () => {};
    const gate = new Promise<void>(resolve => {
      open = resolve;
    });
    const kept: number[] = [];
    const fleet = await fleetWith({
      handlers: {
        output: async (_, { job }) => {
          await gate;
          kept.push(job);
        },
      },
    });
    const stream = rawClient(fleet, (await fleet.agent('db01')).identity).connect();
    stream.on('error', () => {});
    stream.on('data', () => {});
    stream.write(HELLO);
    // 60 MB, which is more than sockets and the inbox can hold.
    const count = 600;
    let sent = 0;
    for (let job = 0; job < count; job++) {
      const data = Buffer.alloc(100_000);
      stream.write(
        { body: { $case: 'output', value: { orderDigest: Buffer.alloc(32), job, attempt: 1, offset: 0, data } } },
        () => sent++,
      );
    }
    await fleet.heard.until(({ call }) => call === 'hello');
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(sent).toBeLessThan(count);
    open();
    stream.write({ body: { $case: 'facts', value: { request: 'last', atMs: 0, json: '{}' } } });
    await fleet.heard.until(({ call }) => call === 'facts');
    expect(kept).toEqual(Array.from({ length: count }, (_, job) => job));
    stream.cancel();
  });

  it('gives up on an agent that falls silent', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const stream = rawClient(fleet, agent.identity).connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    await fleet.heard.until(({ call }) => call === 'hello');
    fleet.clock.forward(31_000);
    expect(await ended).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await fleet.heard.until(({ call }) => call === 'gone');
  });
});

describe('a hello', () => {
  it.each([
    ['of versions that this controller does not know yet', 2, 9],
    ['of versions that it knows no more', 0, 0],
  ])('%s ends the stream and says which side to update', async (_, protocolMin, protocolMax) => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const stream = rawClient(fleet, agent.identity).connect();
    stream.write({
      body: { $case: 'hello', value: { protocolMin, protocolMax, agentVersion: '', bootId: '', hostName: '' } },
    });
    const end = await statusOf(stream);
    expect(end).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('update the older'),
    });
  });

  it('agrees on the highest version that both know', async () => {
    const fleet = await fleetWith();
    const stream = rawClient(fleet, (await fleet.agent('db01')).identity).connect();
    stream.on('error', () => {});
    stream.write({
      body: { $case: 'hello', value: { protocolMin: 1, protocolMax: 7, agentVersion: '', bootId: '', hostName: '' } },
    });
    const [welcome] = await once(stream, 'data');
    expect(welcome.body).toMatchObject({ $case: 'welcome', value: { protocol: 1, heartbeatMs: 10_000 } });
    stream.cancel();
  });

  it('must come first, and once', async () => {
    const fleet = await fleetWith();
    const { identity } = await fleet.agent('db01');
    const mute = rawClient(fleet, identity).connect();
    mute.write({ body: { $case: 'heartbeat', value: { monotonicMs: 1 } } });
    expect(await statusOf(mute)).toMatchObject({ code: status.FAILED_PRECONDITION });
    const twice = rawClient(fleet, identity).connect();
    twice.write(HELLO);
    twice.write(HELLO);
    expect(await statusOf(twice)).toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});

describe('bad input ends one stream, with a status, and no other', () => {
  const report = (value: object): AgentMessage =>
    ({ body: { $case: 'report', value: { sequence: 1, atMs: 0, ...value } } }) as AgentMessage;
  const bad: [string, AgentMessage, number][] = [
    ['a message that holds nothing this controller knows', { body: undefined }, status.INVALID_ARGUMENT],
    ['a report that holds nothing', report({ body: undefined }), status.INVALID_ARGUMENT],
    [
      'a digest of 31 bytes',
      report({ body: { $case: 'orderAccepted', value: { orderDigest: Buffer.alloc(31) } } }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a direction that is none',
      report({ body: { $case: 'orderFinished', value: { orderDigest: Buffer.alloc(32), direction: 9 } } }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a refusal code that is none',
      report({ body: { $case: 'orderRefused', value: { orderDigest: Buffer.alloc(32), code: 'no', message: '' } } }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a report without a number',
      report({ sequence: 0, body: { $case: 'orderAccepted', value: { orderDigest: Buffer.alloc(32) } } }),
      status.INVALID_ARGUMENT,
    ],
    [
      'facts that are no object',
      { body: { $case: 'facts', value: { request: '', atMs: 0, json: '[1]' } } },
      status.INVALID_ARGUMENT,
    ],
    [
      'a message above the limit',
      { body: { $case: 'facts', value: { request: '', atMs: 0, json: 'x'.repeat(MAX_AGENT_MESSAGE_BYTES) } } },
      status.RESOURCE_EXHAUSTED,
    ],
  ];

  it('for each kind of it', async () => {
    const fleet = await fleetWith();
    const neighbour = linkFor(await fleet.agent('neighbour'));
    await neighbour.heard.until(message => message.type === 'connected');
    const { identity } = await fleet.agent('db01');
    const client = rawClient(fleet, identity);
    for (const [what, message, code] of bad) {
      const stream = client.connect();
      const ended = statusOf(stream);
      stream.write(HELLO);
      stream.write(message);
      expect(await ended, what).toMatchObject({ code });
    }
    for (const [what, bytes] of [
      ['random bytes', randomBytes(200)],
      ['a field that never ends', Buffer.from('0affffffff0f', 'hex')],
    ] as const) {
      const stream = client.makeBidiStreamRequest(
        LinkService.connect.path,
        (value: Buffer) => value,
        LinkService.connect.responseDeserialize,
      );
      const ended = statusOf(stream as unknown as LinkStream);
      stream.write(bytes);
      const { code } = await ended;
      expect([status.INTERNAL, status.INVALID_ARGUMENT], what).toContain(code);
    }
    expect(reportsHeard(fleet)).toEqual([]);
    neighbour.link.deliver({
      type: 'report',
      report: { sequence: 1, atMs: 0, body: { type: 'order-accepted', orderDigest: digest } },
    });
    await neighbour.heard.until(message => message.type === 'acknowledge');
    expect(neighbour.heard.all.filter(message => message.type === 'connected')).toHaveLength(1);
  });

  it('also where it is small and grows when it is unpacked', async () => {
    const fleet = await fleetWith();
    const { identity } = await fleet.agent('db01');
    const channel = credentials.createSsl(
      Buffer.from(fleet.authority.rootPem),
      Buffer.from(identity.keyPem),
      Buffer.from(identity.chainPem),
    );
    const client = new LinkClient(`127.0.0.1:${fleet.linkPort}`, channel, {
      ...CHANNEL_OPTIONS,
      'grpc.default_compression_algorithm': 2,
    });
    toClose.push(() => client.close());
    const stream = client.connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    stream.write({ body: { $case: 'facts', value: { request: '', atMs: 0, json: ' '.repeat(64 << 20) } } });
    expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(fleet.heard.all.map(({ call }) => call)).not.toContain('facts');
  });
});

describe('who may call', () => {
  const services = [LinkService, EnrolmentService, ArtifactService, FingerprintService];
  const paths = services.flatMap(service => Object.values(service).map(method => method.path as string));

  it('is written down for every RPC that there is, and for no other', () => {
    expect(Object.keys(AUTHORISATION).sort()).toEqual(paths.sort());
  });

  const agentPaths = paths.filter(path => AUTHORISATION[path as keyof typeof AUTHORISATION] === 'agent');
  it.each(agentPaths)('%s is not served where no certificate is needed', async path => {
    const fleet = await fleetWith();
    const client = new EnrolmentClient(
      fleet.enrolmentAddress,
      credentials.createSsl(Buffer.from(fleet.authority.rootPem)),
      CHANNEL_OPTIONS,
    );
    toClose.push(() => client.close());
    const stream = client.makeBidiStreamRequest(
      path,
      (value: Buffer) => value,
      (value: Buffer) => value,
    );
    const ended = statusOf(stream as unknown as LinkStream);
    stream.end();
    expect(await ended).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  async function attempt(fleet: Fleet, identity: { keyPem: string; chainPem: string }) {
    const stream = rawClient(fleet, identity).connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    const end = await ended;
    expect(fleet.heard.all).toEqual([]);
    return end;
  }

  it('is nobody with a certificate of another authority', async () => {
    const fleet = await fleetWith();
    const { hostId, identity } = await fleet.agent('db01');
    const stranger = await openAuthority(`${fleet.dir}/stranger`, 'test', fleet.clock);
    const forged = await stranger.issueAgent({ publicKey: publicKeyOf(identity), hostId, nowMs: fleet.clock.now() });
    const end = await attempt(fleet, { keyPem: identity.keyPem, chainPem: pem(forged.chain) });
    expect(end.code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with the certificate of a server', async () => {
    const fleet = await fleetWith();
    const server = await fleet.authority.issueServer({ commonName: 'x', names: ['x'], nowMs: fleet.clock.now() });
    expect((await attempt(fleet, server)).code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with a certificate that has expired', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-25 * 3_600_000);
    const agent = await fleet.agent('db01');
    fleet.clock.reset();
    expect((await attempt(fleet, agent.identity)).code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with a certificate that the controller did not write down', async () => {
    const fleet = await fleetWith();
    const { hostId, identity } = await fleet.agent('db01');
    const unknown = await fleet.authority.issueAgent({
      publicKey: publicKeyOf(identity),
      hostId,
      nowMs: fleet.clock.now(),
    });
    const end = await attempt(fleet, { keyPem: identity.keyPem, chainPem: pem(unknown.chain) });
    expect(end).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('does not know') });
  });

  it.each(['evict', 'ban'] as const)(
    'is no host after an %s: its stream is cut and it does not come back',
    async how => {
      const fleet = await fleetWith();
      const agent = await fleet.agent('db01');
      const stream = rawClient(fleet, agent.identity).connect();
      const ended = statusOf(stream);
      stream.write(HELLO);
      await fleet.heard.until(({ call }) => call === 'hello');
      expect(await fleet.enrolment[how]({ host: 'db01', by: 'test' })).toMatchObject({ ok: true });
      expect(await ended).toMatchObject({ code: status.UNAUTHENTICATED });
      const again = rawClient(fleet, agent.identity).connect();
      again.write(HELLO);
      expect(await statusOf(again)).toMatchObject({
        code: status.UNAUTHENTICATED,
        details: expect.stringContaining('no longer part of the fleet'),
      });
      const token = await fleet.enrolment.issueToken({ hostName: 'db01', by: 'test' });
      expect(token.ok).toBe(how === 'evict');
    },
  );

  it('is no host whose certificate ends while its stream is open', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const stream = rawClient(fleet, agent.identity).connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    await fleet.heard.until(({ call }) => call === 'hello');
    fleet.clock.jump(24 * 3_600_000);
    expect(await ended).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('expired') });
  });
});

describe('a certificate', () => {
  it('is renewed at half of its life, and the agent goes on with the new one', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const before = agent.identity.notAfterMs;
    const asked: number[] = [];
    // The agent's clock is half a day ahead, and stays so: the new certificate looks as old as the one before.
    const { link, heard } = linkFor(agent, {
      clock: { now: () => Date.now() + 12 * 3_600_000, monotonic: () => performance.now() },
      sleep: async (ms, signal) => {
        asked.push(ms);
        if (ms < 1000) return;
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      },
    });
    await heard.until(() => heard.all.filter(message => message.type === 'connected').length === 2);
    expect(link.status().certificateNotAfterMs).toBeGreaterThanOrEqual(before);
    const serials = new Set(fleet.heard.all.filter(({ call }) => call === 'hello').map(({ caller }) => caller.serial));
    expect(serials.size).toBe(2);
    // It does not go on renewing: it waits, as long as it ever does, before it looks again.
    expect(asked).toContain(30_000);
  });

  it('that expired while the agent was away is renewed by its key', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-30 * 3_600_000);
    const agent = await fleet.agent('db01');
    fleet.clock.reset();
    expect(agent.identity.notAfterMs).toBeLessThan(Date.now());
    const { link, heard } = linkFor(agent);
    await heard.until(message => message.type === 'connected');
    expect(link.status().certificateNotAfterMs).toBeGreaterThan(Date.now());
  });

  it('that expired is not renewed for an evicted host, nor by another key', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-30 * 3_600_000);
    const agent = await fleet.agent('db01');
    const other = await fleet.agent('db02');
    fleet.clock.reset();
    const certificate = new X509Certificate(agent.identity.chainPem).raw;
    const byOther = await fleet.enrolment.renewExpired({
      certificate,
      csr: certificateRequest(other.identity.privateKey),
    });
    expect(byOther).toMatchObject({ ok: false, error: { code: 'request-invalid' } });
    await fleet.enrolment.evict({ host: 'db01', by: 'test' });
    const evicted = await fleet.enrolment.renewExpired({
      certificate,
      csr: certificateRequest(agent.identity.privateKey),
    });
    expect(evicted).toMatchObject({ ok: false, error: { code: 'certificate-refused' } });
  });
});

describe('a port that is taken', () => {
  it('is said in one sentence, with what to do', async () => {
    const fleet = await fleetWith();
    const certificate = await fleet.authority.issueServer({ commonName: 'c', names: ['c'], nowMs: fleet.clock.now() });
    const unused = async (): Promise<never> => {
      throw new Error('not called');
    };
    const second = createLinkServer({
      identity: { identify: unused, enrol: unused, renew: unused, renewExpired: unused },
      handlers: {
        hello: unused,
        standings: unused,
        reports: unused,
        facts: unused,
        scanReady: unused,
        scanFailed: unused,
        output: unused,
        alive: unused,
        gone: unused,
      },
      findArtifact: unused,
      fingerprintHandler: () => {},
      credentials: { ...certificate, rootPem: fleet.authority.rootPem },
      link: { host: '127.0.0.1', port: fleet.linkPort },
      enrolment: { host: '127.0.0.1', port: 0 },
      clock: fleet.clock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    toClose.push(() => second.stop());
    await expect(second.start()).rejects.toThrow(
      new RegExp(`cannot listen on 127.0.0.1:${fleet.linkPort} for the agent link.*Configure another port`),
    );
  });
});

function publicKeyOf(identity: Identity): Buffer {
  return new X509Certificate(identity.chainPem).publicKey.export({
    format: 'der',
    type: 'spki',
  });
}

function pem(chain: readonly Buffer[]): string {
  return chain
    .map(der => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----`)
    .join('\n');
}
