import { SECTIONS } from '@tidemark/shared/inventory/kinds.ts';
import { packagesIn } from '@tidemark/shared/inventory/packages.ts';
import type { HostFactsPort } from '../identification/ports.ts';
import type { RegisteredPackages } from '../identification/records.ts';
import type { createInventory } from '../inventory/service.ts';
import { registeredAs } from '../store/identification.ts';
import { agentsByName } from '../store/planner.ts';
import type { Store } from '../store/store.ts';

/* Facts of hosts as identification wants to know them. What is told in another way than agent/inventory tells it is not known. */

/** What dpkg calls packages of which only configuration is left. */
const GONE = new Set(['config-files', 'not-installed']);

function registeredIn(facts: Record<string, unknown>): RegisteredPackages | null {
  const packages = packagesIn(facts);
  if (!packages) return null;
  const os = SECTIONS.os.safeParse(facts['os']);
  return {
    manager: packages.manager,
    installed: new Map(
      [...packages.byKey].flatMap(([key, { version, state }]) => (GONE.has(state) ? [] : [[key, version] as const])),
    ),
    architecture: os.success ? os.data.arch : null,
    truncated: packages.truncated,
  };
}

export function hostFacts(
  store: Store,
  inventory: Pick<ReturnType<typeof createInventory>, 'latestOf'>,
): HostFactsPort {
  const factsOf = async (host: string): Promise<Record<string, unknown> | null> => {
    const id = (await agentsByName(store)).get(host)?.id;
    return id === undefined ? null : ((await inventory.latestOf(id))?.facts ?? null);
  };
  return {
    registered: async host => {
      const facts = await factsOf(host);
      return facts && registeredIn(facts);
    },
    registeredAs: names => registeredAs(store, names),
    running: async host => {
      const facts = await factsOf(host);
      const reboot = SECTIONS.reboot.safeParse(facts?.['reboot']);
      if (!reboot.success) return null;
      const kernel = SECTIONS.kernel.safeParse(facts?.['kernel']);
      return {
        kernel: kernel.success ? kernel.data : null,
        rebootReasons: reboot.data.reasons.map(({ message }) => message),
        stale: reboot.data.stale,
      };
    },
  };
}
