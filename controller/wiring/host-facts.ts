import { z } from 'zod';
import type { HostFactsPort } from '../identification/ports.ts';
import type { RegisteredPackages } from '../identification/records.ts';
import type { createInventory } from '../inventory/service.ts';
import { registeredAs } from '../store/identification.ts';
import { agentsByName } from '../store/planner.ts';
import type { Store } from '../store/store.ts';

/* Facts of hosts as identification wants to know them. What is told in another way than agent/inventory tells it is not known. */

const PackagesFact = z.object({
  manager: z.string(),
  installed: z.record(z.string(), z.string()),
  broken: z.record(z.string(), z.string()),
  truncated: z.boolean(),
});
const OsFact = z.object({ arch: z.string() });
const KernelFact = z.object({ running: z.string(), newest: z.string() });
const RebootFact = z.object({
  reasons: z.array(z.object({ message: z.string() })),
  stale: z.array(z.object({ unit: z.string(), processes: z.array(z.string()), files: z.array(z.string()) })),
});

/** What dpkg calls packages of which only configuration is left. */
const GONE = new Set(['config-files', 'not-installed']);

function registeredIn(facts: Record<string, unknown>): RegisteredPackages | null {
  const packages = PackagesFact.safeParse(facts['packages']);
  if (!packages.success) return null;
  const { manager, installed, broken, truncated } = packages.data;
  const os = OsFact.safeParse(facts['os']);
  return {
    manager,
    installed: new Map(Object.entries(installed).filter(([name]) => !GONE.has(broken[name] ?? ''))),
    architecture: os.success ? os.data.arch : null,
    truncated,
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
      const reboot = RebootFact.safeParse(facts?.['reboot']);
      if (!reboot.success) return null;
      const kernel = KernelFact.safeParse(facts?.['kernel']);
      return {
        kernel: kernel.success ? kernel.data : null,
        rebootReasons: reboot.data.reasons.map(({ message }) => message),
        stale: reboot.data.stale,
      };
    },
  };
}
