import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import type { LinkStream } from '@tidemark/agent/link/connection.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import { type AgentMessage, LinkService } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { MAX_AGENT_MESSAGE_BYTES } from '@tidemark/shared/protocol/limits.ts';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../support/fleet-link.ts';
import { HELLO, linkFixture, statusOf } from '../support/link-fixture.ts';

const digest = digestOf(Buffer.from('order'));

const { fleetWith, linkFor, rawClient } = linkFixture();

const reportsHeard = (fleet: Fleet): number[] =>
  fleet.heard.all.flatMap(({ call, value }) =>
    call === 'reports' ? (value as Report[]).map(report => report.sequence) : [],
  );

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
    const client = rawClient(fleet, identity, { 'grpc.default_compression_algorithm': 2 });
    const stream = client.connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    stream.write({ body: { $case: 'facts', value: { request: '', atMs: 0, json: ' '.repeat(64 << 20) } } });
    expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(fleet.heard.all.map(({ call }) => call)).not.toContain('facts');
  });
});
