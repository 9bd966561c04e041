import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { verifyBaseline } from '@tidemark/shared/signing/baseline.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { type Baseline, baselineProblem } from './baselines.ts';
import type { DriftClass } from './differences.ts';
import { unknownBaseline, type VerificationError } from './errors.ts';
import type { Looked } from './looking.ts';
import type { BaselineStore, WaiverStore } from './ports.ts';
import { isInForce, type Waiver, waiverProblems } from './waivers.ts';

type Answer<T> = Promise<Result<T, VerificationError>>;

export interface NewWaiver {
  host: string | null;
  cluster: string | null;
  product: string | null;
  class: string | null;
  path: string;
  reason: string;
  expiresAt: number;
  by: string;
}

/** What people keep as a reference, and what they answer for. */
export interface Judgements {
  baselines(): Promise<Baseline[]>;
  /** The envelope says of which trees; they must be those of a stored fingerprint of the host. */
  keepBaseline(input: { envelope: Envelope; reference: string; by: string }): Answer<Baseline>;
  removeBaseline(input: { name: string; by: string }): Answer<null>;
  /** Those in force, newest first; all of them where asked. */
  waivers(input: { all: boolean }): Promise<Waiver[]>;
  addWaiver(waiver: NewWaiver): Answer<Waiver>;
  endWaiver(input: { id: string; by: string }): Answer<null>;
}

export interface JudgementDependencies {
  store: BaselineStore & WaiverStore;
  find: (reference: string) => Answer<Looked>;
  trustRoot: () => Promise<TrustRoot | null>;
  clock: Pick<Clock, 'now'>;
  newId: () => string;
}

export function createJudgements({ store, find, trustRoot, clock, newId }: JudgementDependencies): Judgements {
  return {
    baselines: () => store.baselines(),

    keepBaseline: async ({ envelope, reference, by }) => {
      const found = await find(reference);
      if (!found.ok) return found;
      const root = await trustRoot();
      const verified = root ? verifyBaseline(envelope, root) : err('the fleet has no trust root');
      if (!verified.ok) return invalid(verified.error);
      const { name } = verified.value.statement;
      const { fingerprint } = found.value;
      const problem = baselineProblem(envelope, root, { name, fingerprint });
      if (problem !== null) return invalid(problem);
      const text = JSON.stringify(envelope);
      const added = await store.addBaseline({ name, fingerprint: fingerprint.id, envelope: text, createdBy: by });
      if (!added) {
        const message = `there is a baseline ${name} already: remove it first, or take another name`;
        return err({ code: 'baseline-exists', message });
      }
      const kept = await store.baseline(name);
      return kept ? ok(kept) : err(unknownBaseline(name));
    },

    removeBaseline: async ({ name, by }) =>
      (await store.removeBaseline(name, by)) ? ok(null) : err(unknownBaseline(name)),

    waivers: async ({ all }) => {
      const now = clock.now();
      return (await store.waivers()).filter(waiver => all || isInForce(waiver, now));
    },

    addWaiver: async ({ by, ...input }) => {
      const now = clock.now();
      const problems = waiverProblems(input, now);
      if (problems.length > 0) return err({ code: 'bad-waiver', message: problems.join('; ') });
      const kind = input.class as DriftClass | null;
      const waiver = { ...input, class: kind, id: newId(), createdBy: by, createdAt: now, endedAt: null };
      await store.addWaiver(waiver);
      return ok(waiver);
    },

    endWaiver: async ({ id, by }) => {
      const message = `no waiver ${id} is in force: "tidemark waiver list" shows those that are`;
      return (await store.endWaiver(id, by, clock.now())) ? ok(null) : err({ code: 'unknown-waiver', message });
    },
  };
}

const invalid = (why: string) =>
  err({ code: 'baseline-invalid' as const, message: `the baseline does not count: ${why}` });
