import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { createLinkServer } from '@tidemark/controller/link/server.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { describe, expect, it } from 'vitest';
import { eagerSleep, HELLO, linkFixture, statusOf } from '../support/link-fixture.ts';

const digest = digestOf(Buffer.from('order'));

const { fleetWith, linkFor, rawClient, toClose } = linkFixture();

describe('the link', () => {
  it('carries both sides: hello, welcome, standings, reports, facts, and what the controller sends', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const { link, heard } = linkFor(agent);
    expect(await heard.until(message => message.type === 'connected')).toEqual({
      ...{ type: 'connected', acknowledged: 0, known: { root: null } },
    });
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
    expect(fleet.server.sessions.send('nobody', { type: 'observe-facts', request: 'r', known: null })).toBe(false);
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
        hello: async () => ({ acknowledged: kept.length, inventory: null }),
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
      sleep: eagerSleep(),
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

  it('comes back ever more slowly to a controller that welcomes it and cannot store what it says', async () => {
    const fleet = await fleetWith({
      handlers: {
        reports: async () => {
          throw new Error('the database is away');
        },
      },
    });
    const waits: number[] = [];
    const { link, heard } = linkFor(await fleet.agent('db01'), {
      random: () => 0,
      sleep: eagerSleep(waits, 10_000),
      toExecutor: message => {
        heard.add(message);
        if (message.type === 'connected')
          link.deliver({
            type: 'report',
            report: { sequence: 1, atMs: 0, body: { type: 'order-accepted', orderDigest: digest } },
          });
      },
    });
    await heard.until(() => heard.all.filter(message => message.type === 'connected').length === 5);
    // Heartbeats and renewals wait for 10 s and more.
    expect(waits.filter(ms => ms < 10_000)).toEqual([500, 1000, 2000, 4000]);
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
      sleep: eagerSleep(),
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
        factsOffer: unused,
        sections: unused,
        scanReady: unused,
        scanFailed: unused,
        dryRun: unused,
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
      new RegExp(`cannot listen on 127.0.0.1:${fleet.linkPort} for the agent link.*Set another address`),
    );
  });
});
