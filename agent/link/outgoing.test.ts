import type { AgentMessage } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_QUEUED, Outgoing } from './outgoing.ts';
import type { ForController } from './wire.ts';

const digest = `sha256:${'ab'.repeat(32)}` as const;
const report = (sequence: number): ForController => ({
  type: 'report',
  report: { sequence, atMs: 0, body: { type: 'order-accepted', orderDigest: digest } },
});
const sequenceOf = ({ body }: AgentMessage) => (body?.$case === 'report' ? body.value.sequence : 0);

/** A connection that takes `room` messages and then none until it is drained, and an executor with a spool. */
function world(spool: number, room: number) {
  const arrived: number[] = [];
  let left = room;
  let drain = () => {};
  const outgoing: Outgoing = new Outgoing(
    {
      write: message => {
        arrived.push(sequenceOf(message));
        left--;
        return left > 0;
      },
      onDrain: listener => {
        drain = listener;
      },
    },
    0,
    acknowledged => replay(acknowledged),
  );
  const replay = (acknowledged: number) => {
    for (let sequence = acknowledged + 1; sequence <= spool; sequence++) outgoing.send(report(sequence));
  };
  return {
    arrived,
    outgoing,
    replay,
    drain: () => {
      left = room;
      drain();
    },
  };
}

describe('what an agent sends', () => {
  it('never leaves out a report before one that it sends, and in the end sends all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 50 }), (spool, room) => {
        const { arrived, outgoing, replay, drain } = world(spool, room);
        replay(0);
        let stored = 0;
        for (let round = 0; stored < spool && round < 2000; round++) {
          drain();
          // The controller stores what continues what it has, and would lose a report that was left out.
          for (const sequence of arrived.splice(0)) {
            expect(sequence).toBeLessThanOrEqual(stored + 1);
            stored = Math.max(stored, sequence);
          }
          outgoing.acknowledged(stored);
        }
        expect(stored).toBe(spool);
      }),
    );
  });

  it('keeps no more than its bound in memory, whatever the executor says', () => {
    const { arrived, outgoing, drain } = world(0, 1);
    for (let sequence = 1; sequence <= 10_000; sequence++) outgoing.send(report(sequence));
    for (let round = 0; round < 10_000; round++) drain();
    expect(arrived.length).toBeLessThanOrEqual(MAX_QUEUED + 1);
  });

  it('beats only where nothing else waits', () => {
    const { arrived, outgoing, drain } = world(0, 1);
    outgoing.heartbeat(1);
    outgoing.send(report(1));
    outgoing.heartbeat(2);
    drain();
    expect(arrived).toEqual([0, 1]);
  });
});
