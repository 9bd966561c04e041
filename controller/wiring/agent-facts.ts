import { SECTIONS } from '@tidemark/shared/inventory/kinds.ts';
import type { createInventory } from '../inventory/service.ts';
import { agentsByName } from '../store/planner.ts';
import type { Store } from '../store/store.ts';
import type { AgentFacts } from '../verification/ports.ts';
import { secretKeyOf } from '../verification/secret-keys.ts';

/** Facts of hosts as verification wants to know them. */
export function agentFacts(
  store: Store,
  inventory: Pick<ReturnType<typeof createInventory>, 'latest' | 'latestOf'>,
): AgentFacts {
  return {
    sealingKeys: async () => {
      const facts = await inventory.latest(['sealingKey', 'secretKey']);
      return new Map(
        [...(await agentsByName(store))].map(([name, { id }]) => {
          const told = facts.get(id)?.facts ?? {};
          const sealingKey = typeof told['sealingKey'] === 'string' ? told['sealingKey'] : null;
          return [name, { hostId: id, sealingKey, secretKey: secretKeyOf(told) }];
        }),
      );
    },
    running: async host => {
      const id = (await agentsByName(store)).get(host)?.id;
      const told = id === undefined ? null : await inventory.latestOf(id);
      const reboot = SECTIONS.reboot.safeParse(told?.facts['reboot']);
      if (!reboot.success) return null;
      return { reboot: reboot.data.reasons.map(({ message }) => message), stale: reboot.data.stale };
    },
  };
}
