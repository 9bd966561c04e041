import { setTimeout as sleep } from 'node:timers/promises';
import { createDeliveryStore } from '@tidemark/controller/store/delivery.ts';
import { createOrchestratorStore } from '@tidemark/controller/store/orchestrator.ts';
import { createRunLeases } from '@tidemark/controller/store/run-leases.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import { eq } from 'drizzle-orm';
import { FAIR } from '../simulation/store/database.ts';
import { MemoryDatabase } from '../simulation/store/memory-store.ts';
import { testStores } from '../support/database.ts';
import { keepFacts } from '../support/keep-facts.ts';
import { describeOrchestratorStore } from './orchestrator-store-suite.ts';

const freshStore = testStores();

describeOrchestratorStore('in PostgreSQL', async () => {
  const store = await freshStore();
  const { db } = store;
  return {
    store: createOrchestratorStore(store),
    leases: () => createRunLeases(store),
    delivery: createDeliveryStore(store),
    addHost: async host => {
      await db.insert(schema.hosts).values(host);
    },
    addPlan: async ({ digest, name }) => {
      await db.insert(schema.plans).values({ digest, name, author: 'anna', header: '{}' });
    },
    seen: async (hostId, at, connected) => {
      await db
        .update(schema.hosts)
        .set({ lastSeenAt: new Date(at), connected })
        .where(eq(schema.hosts.id, hostId));
    },
    recordFacts: async (hostId, facts, at) => {
      await keepFacts(store, hostId, facts, at);
    },
    pass: ms => sleep(ms),
  };
});

describeOrchestratorStore('in memory', async () => {
  let now = 1_800_000_000_000;
  const plans = new Map<string, string>();
  const database = new MemoryDatabase(() => now, plans, { sharesLimits: true });
  return {
    store: database.orchestrator(),
    leases: () => database.leases(FAIR),
    delivery: database.delivery(FAIR, async () => null),
    addHost: async ({ id, name, state }) => database.addHost({ id, name, facts: null, ...(state && { state }) }),
    addPlan: async ({ digest, name }) => {
      plans.set(digest, name);
    },
    seen: async (hostId, at, connected) => database.seen(hostId, at, connected),
    recordFacts: async (hostId, facts, at) => database.recordFacts(hostId, facts, at),
    pass: async ms => {
      now += ms;
    },
  };
});
