import { idOf, type PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import { createOrchestratorStore } from '@tidemark/controller/store/orchestrator.ts';
import { expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { keepFacts } from '../support/keep-facts.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();

/** A cluster of which one member is active. */
const PLAN: PlanSpec = {
  hosts: (['standby', 'active'] as const).map(role => ({
    ...{ name: role, cluster: 'db', role },
    jobs: [{ id: 'stop' }, { id: 'patch' }],
  })),
  clusters: [{ name: 'db', onFailure: 'hold-cluster' }],
};

it('looks at a run without reading again what was read to decide for it', async () => {
  const world = await World.make(await freshStore(), PLAN);
  for (const name of ['standby', 'active']) {
    const facts = { active: name === 'active' };
    await keepFacts(world.store, idOf(name), facts, world.now);
  }
  const store = createOrchestratorStore(world.store);
  const asked: string[][] = [];
  const factsOf: typeof store.read.factsOf = ids => {
    asked.push([...ids]);
    return store.read.factsOf(ids);
  };
  const counted = { ...store, read: { ...store.read, factsOf } };

  const deciding = world.orchestrator('deciding', counted);
  const run = await world.apply(deciding);
  await deciding.tick();
  const view = await deciding.view(run);
  await deciding.view(run);
  expect(asked).toEqual([]);

  // Of a run that another controller decides for nothing is known here, and both must say the same.
  const looking = world.orchestrator('looking', counted);
  expect(await looking.view(run)).toEqual(view);
  expect(asked.flat().sort()).toEqual([idOf('standby'), idOf('active')].sort());
});
