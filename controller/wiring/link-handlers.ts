import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Told } from '../inventory/service.ts';
import type { IdentityPort, LinkHandlers } from '../link/ports.ts';
import type { Capabilities } from './capabilities.ts';

/** Who calls, and what a new agent gets: enrolment, in the link's words. */
export function identityPort({ enrolment }: Capabilities): IdentityPort {
  return {
    identify: async certificate => {
      const holder = await enrolment.hostOf(certificate);
      return holder.ok ? holder : { ok: false, error: holder.error.message };
    },
    enrol: request => enrolment.enrol(request),
    renew: request => enrolment.renew(request),
    renewExpired: request => enrolment.renewExpired(request),
  };
}

/** What is done with what agents say. Each promise resolves after the commit, since the link then acknowledges. */
export function linkHandlers(
  { dryRuns, enrolment, inventory, liveOutput, orchestrator, verification }: Capabilities,
  options: { clock: Clock; connected: () => void; askForFacts: (hostId: string) => Promise<void> },
): LinkHandlers {
  const { clock } = options;
  /** The facts of a host are stored: who waited for them goes on. */
  async function told(hostId: string, requests: readonly string[]): Promise<void> {
    const keys = await inventory.latestOf(hostId, ['sealingKey', 'secretKey']);
    if (keys) await verification.factsTold({ hostId, facts: keys.facts });
    for (const request of requests) await orchestrator.onFacts({ hostId, request });
  }
  async function after(hostId: string, { wanted, stored }: Told): Promise<Digest[]> {
    if (stored) await told(hostId, stored);
    return wanted;
  }
  return {
    hello: async ({ hostId }, { agentVersion, bootId }) => {
      await enrolment.seen({ hostId, atMs: clock.now(), connected: true, hello: { agentVersion, bootId } });
      return { acknowledged: await orchestrator.reported(hostId), inventory: await inventory.rootOf(hostId) };
    },
    standings: async ({ hostId }, standings) => {
      await orchestrator.onHello({ hostId, standings });
      options.connected();
    },
    reports: async ({ hostId }, reports) => {
      const stored = await orchestrator.record({ hostId, reports });
      if (reports.some(({ body }) => body.type === 'job' && body.kind !== 'started')) liveOutput.ended(hostId);
      // What is on it has changed; until it says so, people would be shown what was there before.
      if (reports.some(({ body }) => body.type === 'order-finished')) await options.askForFacts(hostId);
      return stored;
    },
    facts: async ({ hostId }, { request, facts }) => {
      await inventory.record({ hostId, facts });
      await told(hostId, [request]);
    },
    factsOffer: async ({ hostId }, offer) => after(hostId, await inventory.offered({ hostId, ...offer })),
    sections: async ({ hostId }, sections) => after(hostId, await inventory.told({ hostId, sections })),
    scanReady: ({ hostId }, { request, scan }) => verification.scanReady({ hostId, request, scan }),
    scanFailed: ({ hostId }, { request, message }) => verification.scanFailed({ hostId, request, message }),
    dryRun: async ({ hostId }, answer) => dryRuns.answered({ hostId, ...answer }),
    // For who looks on while a job runs; head, tail and digest of all of it come with its result.
    output: async ({ hostId }, chunk) => liveOutput.record(hostId, chunk),
    alive: ({ hostId }) => enrolment.seen({ hostId, atMs: clock.now(), connected: true, hello: null }),
    gone: async ({ hostId }) => {
      inventory.forget(hostId);
      await enrolment.seen({ hostId, atMs: clock.now(), connected: false, hello: null });
    },
  };
}
