import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AT, digestOf, JOBS, PLAN, type StoreContext } from './orchestrator-store-context.ts';

/** Runs, their hosts and the jobs of these. */
export function describeRuns(context: StoreContext): void {
  const { x, y, within, begin, hostOf } = context;

  describe('a run', () => {
    it('is there as it was begun', async () => {
      const run = await begin();
      const stored = await context.tested.store.read.run(run);
      expect(stored).toMatchObject({
        ...{ id: run, plan: PLAN, state: 'running', reason: '', startedBy: 'olga', startedAt: AT, endedAt: null },
      });
      expect([...(stored?.waves ?? [])].sort()).toEqual([
        ['first', { openedAt: null, endedAt: null }],
        ['rest', { openedAt: null, endedAt: null }],
      ]);
      expect([...(stored?.incidents ?? [])]).toEqual([]);
      expect(stored?.hosts.get(x)).toMatchObject({
        ...{ hostId: x, hostName: 'x', orderDigest: digestOf(1), frontier: 0, direction: 'forward' },
        ...{ offeredAt: null, acceptedAt: null, refusal: null, heldBecause: null, startedAt: null, turnedAt: null },
        ...{ endedAt: null, connected: false, lastSeenAt: null, facts: null, factsAsked: null },
      });
      expect(stored?.hosts.get(x)?.jobs).toEqual(
        JOBS.map((job, position) => ({
          ...{ position, job, direction: 'forward', state: 'pending', attempt: 0, spent: 0, message: '' },
          ...{ startedAt: null, endedAt: null },
        })),
      );
      expect(await context.tested.store.read.run('r999')).toBeNull();
      expect(await within(transaction => transaction.lockRun('r999'))).toBeNull();
      expect(await within(transaction => transaction.hostOf(run, randomUUID()))).toBeNull();
    });

    it('is found by its plan, keeps its hosts busy until it has ended, and is listed', async () => {
      const run = await begin();
      const about = () =>
        within(async transaction => ({
          runOfPlan: await transaction.runOfPlan(PLAN),
          busy: await transaction.busyHosts([y, x]),
          orders: await transaction.activeOrders(x),
        }));
      expect(await about()).toEqual({
        runOfPlan: run,
        busy: [
          { host: 'x', run },
          { host: 'y', run },
        ],
        orders: [{ run, plan: PLAN, orderDigest: digestOf(1) }],
      });
      expect(await context.tested.store.read.activeRuns()).toEqual([run]);
      await within(transaction => transaction.setRun(run, { state: 'failed', reason: 'because', endedAt: AT + 1 }));
      expect(await about()).toEqual({ runOfPlan: run, busy: [], orders: [] });
      expect(await context.tested.store.read.activeRuns()).toEqual([]);
      expect(await context.tested.store.read.runs()).toEqual([
        {
          ...{ id: run, plan: PLAN, planName: 'night', state: 'failed', reason: 'because' },
          ...{ startedBy: 'olga', startedAt: AT, endedAt: AT + 1 },
        },
      ]);
      expect(await within(transaction => transaction.runOfPlan(digestOf(99)))).toBeNull();
    });

    it('is of hosts that are enrolled', async () => {
      const gone = randomUUID();
      await context.tested.addHost({ id: gone, name: 'gone', state: 'evicted' });
      const enrolled = await within(transaction => transaction.enrolledHosts([x, gone, randomUUID()]));
      expect([...enrolled]).toEqual([x]);
    });

    it('opens and ends its waves one by one', async () => {
      const run = await begin();
      await within(transaction => transaction.setWave(run, 'first', { openedAt: AT }));
      await within(transaction => transaction.setWave(run, 'first', { endedAt: AT + 5 }));
      const head = await within(transaction => transaction.lockRun(run));
      expect(head?.waves.get('first')).toEqual({ openedAt: AT, endedAt: AT + 5 });
      expect(head?.waves.get('rest')).toEqual({ openedAt: null, endedAt: null });
    });
  });

  describe('a host of a run', () => {
    it('keeps what is changed and nothing else', async () => {
      const run = await begin();
      const times = { offeredAt: AT, acceptedAt: AT + 1, startedAt: AT + 2, turnedAt: AT + 3, endedAt: AT + 4 };
      await within(transaction => transaction.setHost(run, x, { ...times, frontier: 2, direction: 'undo' }));
      await within(transaction => transaction.setHost(run, x, { refusal: 'no', heldBecause: 'why' }));
      expect(await hostOf(run, x)).toMatchObject({
        ...{ ...times, frontier: 2, direction: 'undo', refusal: 'no', heldBecause: 'why' },
      });
      expect(await hostOf(run, y)).toMatchObject({ frontier: 0, heldBecause: null });
      await within(transaction => transaction.setHost(run, x, { endedAt: null, refusal: null }));
      expect(await hostOf(run, x)).toMatchObject({ endedAt: null, refusal: null, turnedAt: AT + 3 });
    });

    it('is read anew only where it has changed, and none is missed', async () => {
      const run = await begin();
      const changed = (since: number) => within(transaction => transaction.changedHosts(run, since));
      const all = await changed(0);
      expect(all.hosts.map(({ hostName }) => hostName).sort()).toEqual(['x', 'y']);
      expect((await changed(all.upTo)).hosts).toEqual([]);
      await within(transaction => transaction.setHost(run, y, { frontier: 1 }));
      const next = await changed(all.upTo);
      expect(next.hosts).toMatchObject([{ hostName: 'y', frontier: 1 }]);
      expect(next.upTo).toBeGreaterThan(all.upTo);
      const told = { position: 0, direction: 'forward' as const, job: 'stop', attempt: 1, spent: 0, message: '' };
      await within(transaction =>
        transaction.putJob(run, x, { ...told, state: 'running', startedAt: AT, endedAt: null }),
      );
      expect((await changed(next.upTo)).hosts.map(({ hostName }) => hostName)).toEqual(['x']);
    });

    it('goes on only for exactly the reason for which it was held', async () => {
      const run = await begin();
      await within(async transaction => {
        await transaction.setHost(run, x, { heldBecause: 'one' });
        await transaction.setHost(run, y, { heldBecause: 'another' });
      });
      expect(await within(transaction => transaction.releaseHeld(run, 'one'))).toEqual([x]);
      expect([(await hostOf(run, x)).heldBecause, (await hostOf(run, y)).heldBecause]).toEqual([null, 'another']);
    });

    it('has presence and facts, which belong to its agent and not to the run', async () => {
      const run = await begin();
      await context.tested.seen(x, AT + 7, true);
      await context.tested.recordFacts(x, { active: true }, AT + 9);
      const presence = await within(transaction => transaction.presence(run));
      expect(presence.get(x)).toEqual({ connected: true, lastSeenAt: AT + 7, factsObservedAt: AT + 9 });
      expect(presence.get(y)).toEqual({ connected: false, lastSeenAt: null, factsObservedAt: null });
      const facts = await within(transaction => transaction.factsOf([x, y]));
      expect([...facts]).toEqual([[x, { facts: { active: true }, observedAt: AT + 9 }]]);
      expect(await context.tested.store.read.factsOf([x])).toEqual(facts);
      expect(await hostOf(run, x)).toMatchObject({ connected: true, lastSeenAt: AT + 7, facts: null });
      await context.tested.seen(x, AT + 11, false);
      const later = await within(transaction => transaction.presence(run));
      expect(later.get(x)).toMatchObject({ connected: false, lastSeenAt: AT + 11 });
    });
  });

  describe('jobs', () => {
    it('move together from one state to another, below a position or all of them', async () => {
      const run = await begin();
      const move = (from: 'pending' | 'released', to: 'released' | 'cancelled', below: number | null) =>
        within(transaction =>
          transaction.moveJobs(run, x, { from: [from], to, below, message: 'because', endedAt: AT }),
        );
      expect(await move('pending', 'released', 2)).toEqual([0, 1]);
      expect(await move('pending', 'released', 2)).toEqual([]);
      expect(await move('pending', 'cancelled', null)).toEqual([2]);
      expect((await hostOf(run, x)).jobs).toMatchObject([
        { state: 'released', message: 'because', endedAt: AT },
        { state: 'released' },
        { state: 'cancelled' },
      ]);
      expect((await hostOf(run, y)).jobs.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    });

    it('are told as they go, forwards and backwards beside each other', async () => {
      const run = await begin();
      const put = (direction: 'forward' | 'undo', state: 'running' | 'succeeded', attempt: number) =>
        within(transaction =>
          transaction.putJob(run, x, {
            ...{ position: 1, direction, job: 'patch', state, attempt, spent: 1, message: state },
            ...{ startedAt: AT, endedAt: state === 'running' ? null : AT + 1 },
          }),
        );
      await put('forward', 'running', 2);
      await put('forward', 'succeeded', 2);
      await put('undo', 'running', 1);
      const { jobs } = await hostOf(run, x);
      expect(jobs).toHaveLength(4);
      expect(jobs.filter(({ position }) => position === 1)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            direction: 'forward',
            state: 'succeeded',
            attempt: 2,
            spent: 1,
            endedAt: AT + 1,
          }),
          expect.objectContaining({ direction: 'undo', state: 'running', attempt: 1, endedAt: null }),
        ]),
      );
      expect(await context.tested.store.read.job(run, 'x', 1, 'undo')).toMatchObject({
        state: 'running',
        message: 'running',
      });
      expect(await context.tested.store.read.job(run, 'x', 0, 'undo')).toBeNull();
      expect(await context.tested.store.read.job(run, 'z', 0, 'forward')).toBeNull();
    });
  });
}
