import { randomUUID } from 'node:crypto';
import type { DeliveryStore } from '@tidemark/controller/loops/deliver.ts';
import type {
  Leases,
  NewRunEvent,
  OrchestratorStore,
  RunTransaction,
} from '@tidemark/controller/orchestrator/ports.ts';
import { beforeEach, describe, expect, it } from 'vitest';

/** A store of the orchestrator with what a test puts beside it, all empty. */
export interface StoreUnderTest {
  store: OrchestratorStore;
  /** Of another process each. */
  leases(): Leases;
  delivery: DeliveryStore;
  addHost(host: { id: string; name: string; state?: 'enrolled' | 'evicted' }): Promise<void>;
  addPlan(plan: { digest: string; name: string }): Promise<void>;
  seen(hostId: string, at: number, connected: boolean): Promise<void>;
  recordFacts(hostId: string, facts: Record<string, unknown>, at: number): Promise<void>;
  /** Lets so much time pass by the store's own clock. */
  pass(ms: number): Promise<void>;
}

const PLAN = `sha256:${'a'.repeat(64)}`;
const digestOf = (number: number) => `sha256:${`${number}`.padStart(64, '0')}`;
const JOBS = ['stop', 'patch', 'start'];
const AT = 1_795_291_200_000;
const HOUR = 3_600_000;

/** What the orchestrator relies on, whatever its runs are kept in. Run by every store that there is. */
export function describeOrchestratorStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the orchestrator's store ${name}`, () => {
    let tested: StoreUnderTest;
    const [x, y] = [randomUUID(), randomUUID()] as const;
    const within = <T>(work: (transaction: RunTransaction) => Promise<T>): Promise<T> => tested.store.transaction(work);

    beforeEach(async () => {
      tested = await make();
      await tested.addHost({ id: x, name: 'x' });
      await tested.addHost({ id: y, name: 'y' });
      await tested.addPlan({ digest: PLAN, name: 'night' });
    });

    const begin = (
      plan = PLAN,
      hosts: [string, string][] = [
        [x, 'x'],
        [y, 'y'],
      ],
    ): Promise<string> =>
      within(transaction =>
        transaction.createRun({
          ...{ plan, startedBy: 'olga', startedAt: AT, waves: ['first', 'rest'] },
          hosts: hosts.map(([hostId, hostName], number) => ({
            ...{ hostId, hostName, jobs: JOBS },
            orderDigest: digestOf(number + (plan === PLAN ? 1 : 11)),
          })),
        }),
      );
    const hostOf = async (run: string, id: string) => {
      const host = await within(transaction => transaction.hostOf(run, id));
      if (!host) throw new Error(`${id} is not in ${run}`);
      return host;
    };

    describe('a run', () => {
      it('is there as it was begun', async () => {
        const run = await begin();
        const stored = await tested.store.read.run(run);
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
        expect(await tested.store.read.run('r999')).toBeNull();
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
        expect(await tested.store.read.activeRuns()).toEqual([run]);
        await within(transaction => transaction.setRun(run, { state: 'failed', reason: 'because', endedAt: AT + 1 }));
        expect(await about()).toEqual({ runOfPlan: run, busy: [], orders: [] });
        expect(await tested.store.read.activeRuns()).toEqual([]);
        expect(await tested.store.read.runs()).toEqual([
          {
            ...{ id: run, plan: PLAN, planName: 'night', state: 'failed', reason: 'because' },
            ...{ startedBy: 'olga', startedAt: AT, endedAt: AT + 1 },
          },
        ]);
        expect(await within(transaction => transaction.runOfPlan(digestOf(99)))).toBeNull();
      });

      it('is of hosts that are enrolled', async () => {
        const gone = randomUUID();
        await tested.addHost({ id: gone, name: 'gone', state: 'evicted' });
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
        await tested.seen(x, AT + 7, true);
        await tested.recordFacts(x, { active: true }, AT + 9);
        const presence = await within(transaction => transaction.presence(run));
        expect(presence.get(x)).toEqual({ connected: true, lastSeenAt: AT + 7, factsObservedAt: AT + 9 });
        expect(presence.get(y)).toEqual({ connected: false, lastSeenAt: null, factsObservedAt: null });
        const facts = await within(transaction => transaction.factsOf([x, y]));
        expect([...facts]).toEqual([[x, { facts: { active: true }, observedAt: AT + 9 }]]);
        expect(await tested.store.read.factsOf([x])).toEqual(facts);
        expect(await hostOf(run, x)).toMatchObject({ connected: true, lastSeenAt: AT + 7, facts: null });
        await tested.seen(x, AT + 11, false);
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
        expect(await tested.store.read.job(run, 'x', 1, 'undo')).toMatchObject({
          state: 'running',
          message: 'running',
        });
        expect(await tested.store.read.job(run, 'x', 0, 'undo')).toBeNull();
        expect(await tested.store.read.job(run, 'z', 0, 'forward')).toBeNull();
      });
    });

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
        const all = await tested.store.read.events(run, 0, 10);
        expect(all.map(({ message }) => message)).toEqual(['a', 'b', 'c']);
        expect(all[0]).toMatchObject({ ...event('a'), run });
        const [, second] = all;
        expect((await tested.store.read.events(run, second?.id ?? 0, 10)).map(({ message }) => message)).toEqual(['c']);
        expect(await tested.store.read.events(run, 0, 2)).toHaveLength(2);
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
        expect((await tested.delivery.amendment(digest))?.toString('utf8')).toBe('{}');
        expect(await answer(digest)).toEqual({ approver: 'ada', reason: 'I looked' });
        expect([await answer(digest), await answer(digestOf(51))]).toEqual(['answered', 'unknown']);
        expect(await open()).toEqual([]);
        expect(await tested.delivery.amendment(digest)).toBeNull();
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
        const due = await tested.delivery.due([x], 10);
        expect(due.map(({ kind }) => kind)).toEqual(['dispatch', 'order-offer', 'dispatch']);
        expect(due[1]).toMatchObject({ hostId: x, payload: { plan: PLAN, hostId: x } });
        expect(await tested.delivery.due([x], 1)).toHaveLength(1);
        expect(await tested.delivery.due([y], 10)).toHaveLength(1);
        await tested.delivery.markSent(due.slice(0, 2).map(({ id }) => id));
        expect(await tested.delivery.due([x], 10)).toMatchObject([{ payload: { frontier: 2 } }]);
        expect(await hostOf(run, x)).toMatchObject({ offeredAt: AT });
      });

      it('asks for facts under a request that the host alone can answer', async () => {
        const run = await begin();
        await within(transaction => transaction.askForFacts(run, x, AT));
        await within(transaction => transaction.askForFacts(run, x, AT + 5));
        expect((await hostOf(run, x)).factsAsked).toEqual({ first: AT, last: AT + 5 });
        const [asked] = await tested.delivery.due([x], 10);
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
        expect(await tested.delivery.dispatch(of)).toBeNull();
        const epoch = await tested.leases().take(`run:${run}`, 'a', HOUR);
        await within(transaction => transaction.setHost(run, x, { frontier: 2 }));
        expect(await tested.delivery.dispatch(of)).toEqual({ frontier: 2, direction: 'forward', epoch, sequence: 1 });
        expect(await tested.delivery.dispatch(of)).toMatchObject({ sequence: 2 });
        expect(await tested.delivery.dispatch({ ...of, orderDigest: digestOf(2) })).toBeNull();
        await within(transaction => transaction.setRun(run, { state: 'stopped', reason: '', endedAt: AT }));
        expect(await tested.delivery.dispatch(of)).toBeNull();
      });
    });

    describe('reports', () => {
      it('are numbered by host, and belong to the order that the host has', async () => {
        const run = await begin();
        expect(await within(transaction => transaction.lockReports(randomUUID()))).toBeNull();
        expect(await within(transaction => transaction.lockReports(x))).toBe(0);
        await within(transaction => transaction.setReported(x, 7));
        expect(await within(transaction => transaction.lockReports(x))).toBe(7);
        expect([await tested.store.read.reported(x), await tested.store.read.reported(y)]).toEqual([7, 0]);
        const order = (host: string, digest: string) => within(transaction => transaction.orderOf(host, digest));
        expect(await order(x, digestOf(1))).toEqual({ run, plan: PLAN, active: true });
        expect([await order(y, digestOf(1)), await order(x, digestOf(77))]).toEqual([null, null]);
        await within(transaction => transaction.setRun(run, { state: 'stopped', reason: '', endedAt: AT }));
        expect(await order(x, digestOf(1))).toMatchObject({ active: false });
      });
    });

    describe('a transaction', () => {
      it('that fails has never been, in any of its parts', async () => {
        const run = await begin();
        const failing = within(async transaction => {
          await transaction.setRun(run, { state: 'paused', reason: 'why', endedAt: null });
          await transaction.setHost(run, x, { frontier: 3 });
          await transaction.moveJobs(run, x, {
            ...{ from: ['pending'], to: 'released', below: null, message: '', endedAt: null },
          });
          await transaction.openIncident({ key: 'k', run, hostId: null, title: 't', detail: 'd', at: AT });
          await transaction.setWave(run, 'first', { openedAt: AT });
          await transaction.offerOrders(run, PLAN, [x], AT);
          await transaction.setReported(x, 9);
          await transaction.audit({ actor: 'a', action: 'b', subject: 'c', detail: {} });
          throw new Error('on purpose');
        });
        await expect(failing).rejects.toThrow('on purpose');
        const stored = await tested.store.read.run(run);
        expect(stored).toMatchObject({ state: 'running', reason: '' });
        expect(stored?.incidents.size).toBe(0);
        expect(stored?.waves.get('first')?.openedAt).toBeNull();
        expect(stored?.hosts.get(x)).toMatchObject({ frontier: 0, offeredAt: null });
        expect(stored?.hosts.get(x)?.jobs.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
        expect(await tested.delivery.due([x], 10)).toEqual([]);
        expect(await tested.store.read.reported(x)).toBe(0);
      });

      it('that has locked a run is alone with it: what both read and write is not lost', async () => {
        const run = await begin();
        const next = () =>
          within(async transaction => {
            await transaction.lockRun(run);
            const host = await transaction.hostOf(run, x);
            await transaction.setHost(run, x, { frontier: (host?.frontier ?? 0) + 1 });
          });
        await Promise.all([next(), next(), next(), next(), next()]);
        expect(await hostOf(run, x)).toMatchObject({ frontier: 5 });
      });

      it('that turns a plan into a run is alone with that', async () => {
        const once = () =>
          within(async transaction => {
            await transaction.lockStarting();
            if ((await transaction.busyHosts([x])).length > 0) return null;
            return transaction.createRun({
              ...{ plan: PLAN, startedBy: 'olga', startedAt: AT, waves: [] },
              hosts: [{ hostId: x, hostName: 'x', orderDigest: digestOf(1), jobs: JOBS }],
            });
          });
        const made = await Promise.all([once(), once(), once()]);
        expect(made.filter(run => run !== null)).toHaveLength(1);
      });
    });

    describe('leases', () => {
      const SHORT_MS = 40;

      it('are one holder’s at a time, under an epoch that stays while it is renewed', async () => {
        const [a, b] = [tested.leases(), tested.leases()];
        const epoch = await a.take('run:1', 'a', HOUR);
        expect(epoch).toBeGreaterThan(0);
        expect(await b.take('run:1', 'b', HOUR)).toBeNull();
        expect(await a.take('run:1', 'a', HOUR)).toBe(epoch);
        const holds = (holder: string, of: number) =>
          within(transaction => transaction.holdsLease('run:1', holder, of));
        expect(await holds('a', epoch ?? 0)).toBe(true);
        expect([await holds('b', epoch ?? 0), await holds('a', (epoch ?? 0) + 1)]).toEqual([false, false]);
        expect(await within(transaction => transaction.holdsLease('run:2', 'a', epoch ?? 0))).toBe(false);
      });

      it('pass to another once they have run out, under a higher epoch, and the first holds nothing then', async () => {
        const [a, b] = [tested.leases(), tested.leases()];
        const first = (await a.take('run:1', 'a', SHORT_MS)) ?? 0;
        await tested.pass(SHORT_MS + 20);
        expect(await within(transaction => transaction.holdsLease('run:1', 'a', first))).toBe(false);
        const second = (await b.take('run:1', 'b', HOUR)) ?? 0;
        expect(second).toBeGreaterThan(first);
        expect(await a.take('run:1', 'a', HOUR)).toBeNull();
        expect(await within(transaction => transaction.holdsLease('run:1', 'b', second))).toBe(true);
      });

      it('have epochs above those of all leases, and another one for the same holder after it began anew', async () => {
        const one = (await tested.leases().take('run:1', 'a', HOUR)) ?? 0;
        const two = (await tested.leases().take('run:2', 'b', HOUR)) ?? 0;
        const again = (await tested.leases().take('run:1', 'a', HOUR)) ?? 0;
        expect([two > one, again > two]).toEqual([true, true]);
      });

      it('go to exactly one of those who ask at once', async () => {
        const takers = ['a', 'b', 'c', 'd', 'e'].map(holder => tested.leases().take('run:1', holder, HOUR));
        expect((await Promise.all(takers)).filter(epoch => epoch !== null)).toHaveLength(1);
      });
    });

    describe('claims of limits over all runs', () => {
      const OTHER = digestOf(90);
      const elsewhere = (run: string, keys: string[]) =>
        within(async transaction => (await transaction.claims?.elsewhere(run, keys)) ?? null);
      const hold = (run: string, hosts: [string, string][], ttlMs = HOUR, epoch = 1) =>
        within(async transaction =>
          transaction.claims?.hold(
            run,
            epoch,
            hosts.map(([hostId, hostName]) => ({ key: 'cluster/db', hostId, hostName })),
            ttlMs,
          ),
        );
      const twoRuns = async (): Promise<[string, string]> => {
        await tested.addPlan({ digest: OTHER, name: 'other' });
        return [await begin(PLAN, [[x, 'x']]), await begin(OTHER, [[y, 'y']])];
      };

      it('are seen by other runs and not by the own, by key', async () => {
        const [one, two] = await twoRuns();
        await hold(one, [[x, 'x']]);
        expect(await elsewhere(two, ['cluster/db', 'site/south'])).toEqual([
          { key: 'cluster/db', hostId: x, host: 'x', run: one },
        ]);
        expect(await elsewhere(two, ['site/south'])).toEqual([]);
        expect(await elsewhere(two, [])).toEqual([]);
        expect(await elsewhere(one, ['cluster/db'])).toEqual([]);
      });

      it('are all that a run has out, each time anew, and are given back with that', async () => {
        const [one, two] = await twoRuns();
        await hold(one, [[x, 'x']]);
        await hold(one, [
          [x, 'x'],
          [y, 'y'],
        ]);
        expect((await elsewhere(two, ['cluster/db']))?.map(({ host }) => host).sort()).toEqual(['x', 'y']);
        await hold(one, [[y, 'y']]);
        expect((await elsewhere(two, ['cluster/db']))?.map(({ host }) => host)).toEqual(['y']);
        await hold(one, []);
        expect(await elsewhere(two, ['cluster/db'])).toEqual([]);
      });

      it('run out where nobody renews them, and pass to the run that has the host later', async () => {
        const [one, two] = await twoRuns();
        await hold(one, [[x, 'x']], 40);
        await tested.pass(60);
        expect(await elsewhere(two, ['cluster/db'])).toEqual([]);
        await hold(two, [[x, 'x']]);
        expect(await elsewhere(one, ['cluster/db'])).toMatchObject([{ run: two }]);
        await hold(one, []);
        expect(await elsewhere(one, ['cluster/db'])).toMatchObject([{ run: two }]);
      });

      it('last longer under the same epoch where they are renewed', async () => {
        const [one, two] = await twoRuns();
        await hold(one, [[x, 'x']], 60);
        await hold(one, [[x, 'x']]);
        await tested.pass(80);
        expect(await elsewhere(two, ['cluster/db'])).toHaveLength(1);
      });

      it('of two who look and take at once are not both for the last place', async () => {
        const [one, two] = await twoRuns();
        const take = (run: string, host: [string, string]) =>
          within(async transaction => {
            await transaction.lockRun(run);
            const taken = await transaction.claims?.elsewhere(run, ['cluster/db']);
            if ((taken ?? []).length > 0) return false;
            await transaction.claims?.hold(run, 1, [{ key: 'cluster/db', hostId: host[0], hostName: host[1] }], HOUR);
            return true;
          });
        const got = await Promise.all([take(one, [x, 'x']), take(two, [y, 'y'])]);
        expect(got.filter(Boolean)).toHaveLength(1);
      });
    });
  });
}
