import { randomUUID } from 'node:crypto';
import type { DeliveryStore } from '@tidemark/controller/loops/deliver.ts';
import type { Leases, OrchestratorStore, RunTransaction, StoredHost } from '@tidemark/controller/orchestrator/ports.ts';
import { beforeEach } from 'vitest';

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

export const PLAN = `sha256:${'a'.repeat(64)}`;
export const digestOf = (number: number) => `sha256:${`${number}`.padStart(64, '0')}`;
export const JOBS = ['stop', 'patch', 'start'];
export const AT = 1_795_291_200_000;
export const HOUR = 3_600_000;

/** What the parts of the suite share: a fresh store before each test, with two hosts and a plan. */
export type StoreContext = ReturnType<typeof storeContext>;

export function storeContext(make: () => Promise<StoreUnderTest>) {
  const [x, y] = [randomUUID(), randomUUID()] as const;
  const context = { tested: null as unknown as StoreUnderTest };
  const within = <T>(work: (transaction: RunTransaction) => Promise<T>): Promise<T> =>
    context.tested.store.transaction(work);

  beforeEach(async () => {
    context.tested = await make();
    await context.tested.addHost({ id: x, name: 'x' });
    await context.tested.addHost({ id: y, name: 'y' });
    await context.tested.addPlan({ digest: PLAN, name: 'night' });
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
  const hostOf = async (run: string, id: string): Promise<StoredHost> => {
    const host = await within(transaction => transaction.hostOf(run, id));
    if (!host) throw new Error(`${id} is not in ${run}`);
    return host;
  };
  return Object.assign(context, { x, y, within, begin, hostOf });
}
