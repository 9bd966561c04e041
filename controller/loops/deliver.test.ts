import { generateKeyPairSync } from 'node:crypto';
import { verifyDispatch } from '@tidemark/shared/signing/dispatch.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { describe, expect, it } from 'vitest';
import type { ToAgent } from '../link/messages.ts';
import { type DeliveryStore, type DueMessage, deliver } from './deliver.ts';
import { keepHouse } from './housekeeping.ts';

const HOST = 'aaaaaaaa-0000-4000-8000-000000000000';
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000000';
const ORDER = `sha256:${'1'.repeat(64)}`;
const NOW = 1_800_000_000_000;
const clock = { now: () => NOW, monotonic: () => NOW };
const log = { info: () => {}, error: () => {} };
const dispatchKey = generateKeyPairSync('ed25519').privateKey;

type Standing = Awaited<ReturnType<DeliveryStore['dispatch']>>;

/** An outbox in memory, and hosts that take what they get while they are connected. */
function world(
  messages: DueMessage[],
  { connected = [HOST], standing }: { connected?: string[]; standing?: Standing } = {},
) {
  const waiting = [...messages];
  const received: [string, ToAgent][] = [];
  let sequence = 0;
  const store: DeliveryStore = {
    due: async (hosts, limit) => waiting.filter(message => hosts.includes(message.hostId)).slice(0, limit),
    markSent: async ids => {
      for (const id of ids)
        waiting.splice(
          waiting.findIndex(message => message.id === id),
          1,
        );
    },
    offer: async () => ({ order: Buffer.from('{}'), proof: { leafIndex: 1, leafCount: 2, path: [] }, approvals: [] }),
    dispatch: async () =>
      standing === undefined ? { frontier: 5, direction: 'forward', epoch: 3, sequence: ++sequence } : standing,
    amendment: async () => null,
    forgetSent: async () => {},
    forgetTokens: async () => 0,
  };
  const sessions = {
    connected: () => connected,
    send: (hostId: string, message: ToAgent) => {
      received.push([hostId, message]);
      return true;
    },
  };
  return {
    waiting,
    received,
    sessions,
    run: () => deliver({ store, sessions, knownRoot: async () => null, dispatchKey, clock, log }),
  };
}

const dispatchOf = (id: number, hostId = HOST): DueMessage => ({
  id,
  hostId,
  kind: 'dispatch',
  payload: { orderDigest: ORDER, frontier: id, direction: 'forward', run: 'r1' },
});

describe('the delivery', () => {
  it('signs a dispatch when it is sent, with what holds then, for five minutes', async () => {
    const { run, received, waiting } = world([dispatchOf(1)]);
    expect(await run()).toBe(1);
    expect(waiting).toEqual([]);
    const message = received[0]?.[1];
    const envelope = parseEnvelope(message?.type === 'dispatch' ? message.envelope : Buffer.alloc(0));
    if (!envelope.ok) throw new Error(envelope.error);
    const verified = verifyDispatch(envelope.value, rawPublicKey(dispatchKey), HOST, { epoch: 3, sequence: 0 }, NOW);
    expect(verified).toMatchObject({
      ok: true,
      value: { frontier: 5, direction: 'forward', epoch: 3, sequence: 1, issuedAt: NOW, expiresAt: NOW + 300_000 },
    });
  });

  it('sends the last of several dispatches of an order and forgets the others', async () => {
    const { run, received, waiting } = world([dispatchOf(1), dispatchOf(2), dispatchOf(3)]);
    expect(await run()).toBe(1);
    expect(received).toHaveLength(1);
    expect(waiting).toEqual([]);
  });

  it('sends an undo with frontier 0, wherever the host stood', async () => {
    const { run, received } = world([dispatchOf(1)], {
      standing: { frontier: 4, direction: 'undo', epoch: 1, sequence: 9 },
    });
    await run();
    const message = received[0]?.[1];
    const envelope = parseEnvelope(message?.type === 'dispatch' ? message.envelope : Buffer.alloc(0));
    const payload = envelope.ok ? JSON.parse(Buffer.from(envelope.value.payload, 'base64').toString()) : null;
    expect(payload).toMatchObject({ direction: 'undo', frontier: 0, sequence: 9 });
  });

  it('drops a dispatch of a run that is over', async () => {
    const { run, received, waiting } = world([dispatchOf(1)], { standing: null });
    expect(await run()).toBe(0);
    expect(received).toEqual([]);
    expect(waiting).toEqual([]);
  });

  it('keeps what is for hosts that are not connected', async () => {
    const { run, received, waiting } = world([dispatchOf(1, OTHER), dispatchOf(2)]);
    await run();
    expect(received.map(([host]) => host)).toEqual([HOST]);
    expect(waiting.map(({ id }) => id)).toEqual([1]);
  });

  it('keeps the rest for a host that goes away in the middle, in its order', async () => {
    const facts = (id: number): DueMessage => ({
      id,
      hostId: HOST,
      kind: 'observe-facts',
      payload: { request: `${id}` },
    });
    const made = world([facts(1), facts(2), facts(3)]);
    let left = 1;
    made.sessions.send = () => left-- > 0;
    expect(await made.run()).toBe(1);
    expect(made.waiting.map(({ id }) => id)).toEqual([2, 3]);
  });

  it('goes on until nothing is left, in as many rounds as it takes', async () => {
    const many = Array.from({ length: 1_201 }, (_, id): DueMessage => {
      return {
        id,
        hostId: HOST,
        kind: 'observe-scan',
        payload: { request: `${id}`, profile: { b: 1, a: 2 }, envelope: null },
      };
    });
    const { run, received, waiting } = world(many);
    expect(await run()).toBe(1_201);
    expect(waiting).toEqual([]);
    expect(received[0]?.[1]).toEqual({
      type: 'observe-scan',
      request: '0',
      profile: Buffer.from('{"a":2,"b":1}'),
      envelope: Buffer.alloc(0),
    });
  });
});

describe('housekeeping', () => {
  it('keeps expired tokens for a day and what was sent for a week', async () => {
    const asked: Record<string, number> = {};
    const store = {
      forgetTokens: async (before: number) => {
        asked['tokens'] = NOW - before;
        return 2;
      },
      forgetSent: async (before: number) => {
        asked['sent'] = NOW - before;
      },
    };
    const clearFingerprints = async (now: number) => {
      asked['fingerprints'] = NOW - now;
      return null;
    };
    const forgetRead = async (until: number) => {
      asked['read'] = NOW - until;
      return 1;
    };
    await keepHouse({
      forgetFacts: async () => ({ periods: 0, contents: 0 }),
      store,
      clearFingerprints,
      forgetRead,
      clock,
      log,
    });
    expect(asked).toEqual({ tokens: 86_400_000, sent: 7 * 86_400_000, read: 7 * 86_400_000, fingerprints: 0 });
  });
});
