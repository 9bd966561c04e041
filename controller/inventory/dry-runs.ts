import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { DryRun, type DryRunRequest } from '@tidemark/shared/orders/dry-run.ts';

/*
 * Dry runs: asked of an agent while somebody waits, and kept nowhere. What does not come in time is asked for again.
 */

export interface DryRunDependencies {
  /** Enrolled agents, by the name of their host. */
  agents(): Promise<ReadonlyMap<string, { id: string }>>;
  /** False where the host is not connected. */
  send(hostId: string, message: { type: 'observe-dry-run'; request: string; wish: Uint8Array }): boolean;
  newId(): string;
  /** How long an agent may take: facts or a scan may come first. */
  waitMs?: number;
}

export interface DryRunError {
  code: 'host-unknown' | 'not-connected' | 'no-answer' | 'too-many' | 'refused';
  message: string;
}

type Answer = Result<DryRun, DryRunError>;

const WAIT_MS = 150_000;
/** Of all hosts together. */
const MAX_WAITING = 1_000;

export function createDryRuns({ agents, send, newId, waitMs = WAIT_MS }: DryRunDependencies) {
  const waiting = new Map<string, { hostId: string; answer: (result: Answer) => void }>();
  return {
    async dryRun({ host, calls }: { host: string } & DryRunRequest): Promise<Answer> {
      const hostId = (await agents()).get(host)?.id;
      if (hostId === undefined)
        return refusal('host-unknown', `no host ${host} is enrolled: "tidemark get hosts" lists those that are`);
      if (waiting.size >= MAX_WAITING) return refusal('too-many', 'too many dry runs wait already: ask again later');
      const request = newId();
      const { promise, resolve } = Promise.withResolvers<Answer>();
      waiting.set(request, { hostId, answer: resolve });
      const late = setTimeout(() => resolve(refusal('no-answer', noAnswer(host, waitMs))), waitMs);
      try {
        if (!send(hostId, { type: 'observe-dry-run', request, wish: Buffer.from(canonicalJson({ calls }), 'utf8') }))
          return refusal(
            'not-connected',
            `the agent of ${host} is not connected: "tidemark get hosts" says since when`,
          );
        return await promise;
      } finally {
        clearTimeout(late);
        waiting.delete(request);
      }
    },

    /** What an agent said. Nobody else's answer counts. */
    answered(from: { hostId: string; request: string; result: unknown; message: string }): void {
      const asked = waiting.get(from.request);
      if (asked?.hostId !== from.hostId) return;
      const read = DryRun.safeParse(from.result);
      if (read.success) asked.answer(ok(read.data));
      else asked.answer(refusal('refused', from.message || 'the agent answered in a way that is not known here'));
    },
  };
}

const noAnswer = (host: string, waitMs: number): string =>
  `the agent of ${host} did not answer within ${Math.round(waitMs / 1000)} s: it may be scanning, or be too old for this`;

const refusal = (code: DryRunError['code'], message: string): Result<never, DryRunError> => err({ code, message });
