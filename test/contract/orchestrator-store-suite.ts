import { describe } from 'vitest';
import { type StoreUnderTest, storeContext } from './orchestrator-store-context.ts';
import { describeRuns } from './orchestrator-store-runs.ts';
import { describeSharing } from './orchestrator-store-shared.ts';
import { describeTold } from './orchestrator-store-told.ts';

/** What the orchestrator relies on, whatever its runs are kept in. Run by every store that there is. */
export function describeOrchestratorStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the orchestrator's store ${name}`, () => {
    const context = storeContext(make);
    describeRuns(context);
    describeTold(context);
    describeSharing(context);
  });
}
