import { describe, expect, it } from 'vitest';
import { AT, digestOf, HOUR, JOBS, PLAN, type StoreContext } from './orchestrator-store-context.ts';

/** What several controllers share: transactions, leases and claims. */
export function describeSharing(context: StoreContext): void {
  const { x, y, within, begin, hostOf } = context;

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
      const stored = await context.tested.store.read.run(run);
      expect(stored).toMatchObject({ state: 'running', reason: '' });
      expect(stored?.incidents.size).toBe(0);
      expect(stored?.waves.get('first')?.openedAt).toBeNull();
      expect(stored?.hosts.get(x)).toMatchObject({ frontier: 0, offeredAt: null });
      expect(stored?.hosts.get(x)?.jobs.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
      expect(await context.tested.delivery.due([x], 10)).toEqual([]);
      expect(await context.tested.store.read.reported(x)).toBe(0);
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
      const [a, b] = [context.tested.leases(), context.tested.leases()];
      const epoch = await a.take('run:1', 'a', HOUR);
      expect(epoch).toBeGreaterThan(0);
      expect(await b.take('run:1', 'b', HOUR)).toBeNull();
      expect(await a.take('run:1', 'a', HOUR)).toBe(epoch);
      const holds = (holder: string, of: number) => within(transaction => transaction.holdsLease('run:1', holder, of));
      expect(await holds('a', epoch ?? 0)).toBe(true);
      expect([await holds('b', epoch ?? 0), await holds('a', (epoch ?? 0) + 1)]).toEqual([false, false]);
      expect(await within(transaction => transaction.holdsLease('run:2', 'a', epoch ?? 0))).toBe(false);
    });

    it('pass to another once they have run out, under a higher epoch, and the first holds nothing then', async () => {
      const [a, b] = [context.tested.leases(), context.tested.leases()];
      const first = (await a.take('run:1', 'a', SHORT_MS)) ?? 0;
      await context.tested.pass(SHORT_MS + 20);
      expect(await within(transaction => transaction.holdsLease('run:1', 'a', first))).toBe(false);
      const second = (await b.take('run:1', 'b', HOUR)) ?? 0;
      expect(second).toBeGreaterThan(first);
      expect(await a.take('run:1', 'a', HOUR)).toBeNull();
      expect(await within(transaction => transaction.holdsLease('run:1', 'b', second))).toBe(true);
    });

    it('have epochs above those of all leases, and another one for the same holder after it began anew', async () => {
      const one = (await context.tested.leases().take('run:1', 'a', HOUR)) ?? 0;
      const two = (await context.tested.leases().take('run:2', 'b', HOUR)) ?? 0;
      const again = (await context.tested.leases().take('run:1', 'a', HOUR)) ?? 0;
      expect([two > one, again > two]).toEqual([true, true]);
    });

    it('go to exactly one of those who ask at once', async () => {
      const takers = ['a', 'b', 'c', 'd', 'e'].map(holder => context.tested.leases().take('run:1', holder, HOUR));
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
      await context.tested.addPlan({ digest: OTHER, name: 'other' });
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
      await context.tested.pass(60);
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
      await context.tested.pass(80);
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
}
