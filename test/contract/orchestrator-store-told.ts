import { randomUUID } from 'node:crypto';
import type { NewRunEvent } from '@tidemark/controller/orchestrator/ports.ts';
import { describe, expect, it } from 'vitest';
import { AT, digestOf, HOUR, PLAN, type StoreContext } from './orchestrator-store-context.ts';

/** What is told to people and sent to hosts, and what hosts report. */
export function describeTold(context: StoreContext): void {
  const { x, y, within, begin, hostOf } = context;

  describe('what is told', () => {
    it('are events in their order, from any of them on', async () => {
      const run = await begin();
      const event = (message: string): NewRunEvent => ({
        ...{ at: AT, host: 'x', job: 'stop', step: 'stop', event: 'started', attempt: 1, direction: 'forward' },
        message,
      });
      await within(async transaction => {
        await transaction.addEvents(run, [event('a'), event('b')]);
        await transaction.addEvents(run, []);
      });
      await within(transaction => transaction.addEvents(run, [event('c')]));
      const all = await context.tested.store.read.events(run, 0, 10);
      expect(all.map(({ message }) => message)).toEqual(['a', 'b', 'c']);
      expect(all[0]).toMatchObject({ ...event('a'), run });
      const [, second] = all;
      expect((await context.tested.store.read.events(run, second?.id ?? 0, 10)).map(({ message }) => message)).toEqual([
        'c',
      ]);
      expect(await context.tested.store.read.events(run, 0, 2)).toHaveLength(2);
    });

    it('are incidents, each opened once, resolved one by one or by the beginning of their key', async () => {
      const run = await begin();
      const open = (key: string) =>
        within(transaction =>
          transaction.openIncident({ key, run, hostId: x, title: 'a title', detail: 'a detail', at: AT }),
        );
      const states = async () => (await within(transaction => transaction.lockRun(run)))?.incidents;
      expect([await open(`host:${run}:a`), await open(`host:${run}:b`), await open(`cluster:${run}`)]).toEqual([
        ...[true, true, true],
      ]);
      expect(await open(`host:${run}:a`)).toBe(false);
      await within(transaction => transaction.resolveIncident(`host:${run}:a`, AT));
      expect(await states()).toEqual(
        new Map([
          [`host:${run}:a`, 'resolved'],
          [`host:${run}:b`, 'open'],
          [`cluster:${run}`, 'open'],
        ]),
      );
      expect(await open(`host:${run}:a`)).toBe(false);
      await within(transaction => transaction.resolveIncidents('host:', AT));
      expect((await states())?.get(`host:${run}:b`)).toBe('resolved');
      expect((await states())?.get(`cluster:${run}`)).toBe('open');
    });

    it('are amendments, each taken once and answered once', async () => {
      const run = await begin();
      const digest = digestOf(50);
      const add = () =>
        within(transaction =>
          transaction.addAmendment({
            ...{ digest, run, hostId: x, action: 'skip', job: 'patch', reason: 'I looked', approver: 'ada' },
            ...{ envelope: '{}', at: AT },
          }),
        );
      const answer = (of: string) =>
        within(transaction => transaction.answerAmendment(of, { state: 'accepted', message: '', at: AT }));
      const open = () => within(transaction => transaction.unansweredAmendments(run, x));
      expect([await add(), await add()]).toEqual([true, false]);
      expect(await open()).toEqual([digest]);
      expect(await within(transaction => transaction.unansweredAmendments(run, y))).toEqual([]);
      expect((await context.tested.delivery.amendment(digest))?.toString('utf8')).toBe('{}');
      expect(await answer(digest)).toEqual({ approver: 'ada', reason: 'I looked' });
      expect([await answer(digest), await answer(digestOf(51))]).toEqual(['answered', 'unknown']);
      expect(await open()).toEqual([]);
      expect(await context.tested.delivery.amendment(digest)).toBeNull();
    });
  });

  describe('what is to be sent', () => {
    it('is due in its order until it is marked', async () => {
      const run = await begin();
      const dispatch = (frontier: number) =>
        within(transaction =>
          transaction.send(x, {
            kind: 'dispatch',
            payload: { orderDigest: digestOf(1), frontier, direction: 'forward', run },
          }),
        );
      await dispatch(1);
      await within(transaction => transaction.offerOrders(run, PLAN, [x, y], AT));
      await dispatch(2);
      const due = await context.tested.delivery.due([x], 10);
      expect(due.map(({ kind }) => kind)).toEqual(['dispatch', 'order-offer', 'dispatch']);
      expect(due[1]).toMatchObject({ hostId: x, payload: { plan: PLAN, hostId: x } });
      expect(await context.tested.delivery.due([x], 1)).toHaveLength(1);
      expect(await context.tested.delivery.due([y], 10)).toHaveLength(1);
      await context.tested.delivery.markSent(due.slice(0, 2).map(({ id }) => id));
      expect(await context.tested.delivery.due([x], 10)).toMatchObject([{ payload: { frontier: 2 } }]);
      expect(await hostOf(run, x)).toMatchObject({ offeredAt: AT });
    });

    it('asks for facts under a request that the host alone can answer', async () => {
      const run = await begin();
      await within(transaction => transaction.askForFacts(run, x, { since: AT, at: AT }));
      await within(transaction => transaction.askForFacts(run, x, { since: AT, at: AT + 5 }));
      expect((await hostOf(run, x)).factsAsked).toEqual({ first: AT, last: AT + 5 });
      await within(transaction => transaction.askForFacts(run, y, { since: AT, at: AT }));
      await within(transaction => transaction.askForFacts(run, y, { since: AT + 9, at: AT + 9 }));
      expect((await hostOf(run, y)).factsAsked).toEqual({ first: AT + 9, last: AT + 9 });
      const [asked] = await context.tested.delivery.due([x], 10);
      const request = asked?.kind === 'observe-facts' ? asked.payload.request : '';
      expect(request).not.toBe('');
      for (const [host, what] of [
        [y, request],
        [x, 'nonsense'],
        [x, request],
        [x, request],
      ] as const)
        await within(transaction => transaction.answerFacts(host, what, AT + 6));
    });

    it('says where a host may go now, each time under the next number and the epoch of the lease', async () => {
      const run = await begin();
      const of = { run, orderDigest: digestOf(1), hostId: x };
      expect(await context.tested.delivery.dispatch(of)).toBeNull();
      const epoch = await context.tested.leases().take(`run:${run}`, 'a', HOUR);
      await within(transaction => transaction.setHost(run, x, { frontier: 2 }));
      expect(await context.tested.delivery.dispatch(of)).toEqual({
        frontier: 2,
        direction: 'forward',
        epoch,
        sequence: 1,
      });
      expect(await context.tested.delivery.dispatch(of)).toMatchObject({ sequence: 2 });
      expect(await context.tested.delivery.dispatch({ ...of, orderDigest: digestOf(2) })).toBeNull();
      await within(transaction => transaction.setRun(run, { state: 'stopped', reason: '', endedAt: AT }));
      expect(await context.tested.delivery.dispatch(of)).toBeNull();
    });
  });

  describe('reports', () => {
    it('are numbered by host, and belong to the order that the host has', async () => {
      const run = await begin();
      expect(await within(transaction => transaction.lockReports(randomUUID()))).toBeNull();
      expect(await within(transaction => transaction.lockReports(x))).toBe(0);
      await within(transaction => transaction.setReported(x, 7));
      expect(await within(transaction => transaction.lockReports(x))).toBe(7);
      expect([await context.tested.store.read.reported(x), await context.tested.store.read.reported(y)]).toEqual([
        7, 0,
      ]);
      const order = (host: string, digest: string) => within(transaction => transaction.orderOf(host, digest));
      expect(await order(x, digestOf(1))).toEqual({ run, plan: PLAN, active: true });
      expect([await order(y, digestOf(1)), await order(x, digestOf(77))]).toEqual([null, null]);
      await within(transaction => transaction.setRun(run, { state: 'stopped', reason: '', endedAt: AT }));
      expect(await order(x, digestOf(1))).toMatchObject({ active: false });
    });
  });
}
