import type { Clock } from '@tidemark/shared/base/clock.ts';
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
  options: { clock: Clock; connected: () => void; askForFacts: (hostId: string) => void },
): LinkHandlers {
  const { clock } = options;
  return {
    hello: async ({ hostId }, { agentVersion, bootId }) => {
      await enrolment.seen({ hostId, atMs: clock.now(), connected: true, hello: { agentVersion, bootId } });
      return { acknowledged: await orchestrator.reported(hostId) };
    },
    standings: async ({ hostId }, standings) => {
      await orchestrator.onHello({ hostId, standings });
      options.connected();
    },
    reports: async ({ hostId }, reports) => {
      const stored = await orchestrator.record({ hostId, reports });
      if (reports.some(({ body }) => body.type === 'job' && body.kind !== 'started')) liveOutput.ended(hostId);
      // What is on it has changed; until it says so, people would be shown what was there before.
      if (reports.some(({ body }) => body.type === 'order-finished')) options.askForFacts(hostId);
      return stored;
    },
    facts: async ({ hostId }, { request, facts }) => {
      await inventory.record({ hostId, facts });
      await verification.factsTold({ hostId, facts });
      await orchestrator.onFacts({ hostId, request });
    },
    scanReady: ({ hostId }, { request, scan }) => verification.scanReady({ hostId, request, scan }),
    scanFailed: ({ hostId }, { request, message }) => verification.scanFailed({ hostId, request, message }),
    dryRun: async ({ hostId }, answer) => dryRuns.answered({ hostId, ...answer }),
    // For who looks on while a job runs; head, tail and digest of all of it come with its result.
    output: async ({ hostId }, chunk) => liveOutput.record(hostId, chunk),
    alive: ({ hostId }) => enrolment.seen({ hostId, atMs: clock.now(), connected: true, hello: null }),
    gone: ({ hostId }) => enrolment.seen({ hostId, atMs: clock.now(), connected: false, hello: null }),
  };
}
