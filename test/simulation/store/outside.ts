import { resolveIncident } from '@tidemark/controller/store/incidents.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import { sql } from 'drizzle-orm';
import { keepFacts } from '../../support/keep-facts.ts';
import type { Tables } from './tables.ts';

/**
 * What comes into the tables from elsewhere than the orchestrator (connections, facts, people), on its way to PostgreSQL.
 * The world says it at any moment and waits for nothing; it is brought there before the next call.
 */
export class Outside {
  readonly #plans: ReadonlyMap<string, string>;
  #hasPlans = false;
  readonly #seen = new Set<string>();
  readonly #facts = new Set<string>();
  readonly #resolved: { key: string; at: number }[] = [];

  constructor(plans: ReadonlyMap<string, string>) {
    this.#plans = plans;
  }

  host(id: string): void {
    this.#seen.add(id);
  }

  facts(id: string): void {
    this.#facts.add(id);
  }

  resolved(key: string, at: number): void {
    this.#resolved.push({ key, at });
  }

  async bring(store: Store, tables: Tables): Promise<void> {
    if (this.#hasPlans && this.#seen.size === 0 && this.#facts.size === 0 && this.#resolved.length === 0) return;
    const plans = this.#hasPlans
      ? []
      : [...this.#plans].map(([digest, name]) => ({ digest, name, author: 'anna', header: '{}' }));
    const hosts = [...this.#seen].map(id => {
      const { name, state, presence } = present(tables.hosts.get(id), id);
      const { connected, lastSeenAt } = presence;
      return { id, name, state, connected, lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt) };
    });
    const facts = [...this.#facts].flatMap(hostId => {
      const told = tables.hosts.get(hostId)?.facts;
      return told ? [{ hostId, ...told }] : [];
    });
    await store.transaction(async tx => {
      if (plans.length > 0) await tx.insert(schema.plans).values(plans);
      if (hosts.length > 0)
        await tx
          .insert(schema.hosts)
          .values(hosts)
          .onConflictDoUpdate({
            target: schema.hosts.id,
            set: { connected: sql`excluded.connected`, lastSeenAt: sql`excluded.last_seen_at` },
          });
      for (const { key, at } of this.#resolved) await resolveIncident(tx, key, at);
    });
    for (const { hostId, facts: told, observedAt } of facts) await keepFacts(store, hostId, told, observedAt);
    this.#hasPlans = true;
    this.#seen.clear();
    this.#facts.clear();
    this.#resolved.length = 0;
  }
}
