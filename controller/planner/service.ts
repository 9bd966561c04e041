import { assert } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { encodePlan, openPlan, type PlanDocument, type PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { classOf, type StepClass } from '@tidemark/shared/orders/step-kinds.ts';
import { type Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { type ApprovalState, approvalState } from './approval-rules.ts';
import { acceptApproval, countingApprovals, readHeader } from './approving.ts';
import { chooseBundle } from './choose-bundle.ts';
import { compile } from './compile.ts';
import type { PlanError, PlannerError } from './errors.ts';
import type { CompileInput } from './input.ts';
import { policySchema } from './json-schema.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PlannerSources, PlanStore, StoredApproval } from './ports.ts';

/** One page; older plans are found by their digest. */
const LISTED = 200;

export interface PlanSummary {
  digest: Digest;
  name: string;
  author: string;
  bundle: string;
  /** How many are in it, and how many were selected and are not. */
  hosts: number;
  excluded: number;
  windowStart: number;
  windowEnd: number;
  createdAt: number;
  approval: ApprovalState;
  run: string | null;
}

export interface PlanView {
  digest: Digest;
  document: PlanDocument;
  approval: ApprovalState;
  run: string | null;
}

export interface PlannerOptions {
  fleet: string;
  /** Milliseconds: see the inventory's rule of freshness. */
  factsMaxAgeMs: number;
  sources: PlannerSources;
  store: PlanStore;
  clock: Clock;
}

export function createPlanner({ fleet, factsMaxAgeMs, sources, store, clock }: PlannerOptions) {
  // A plan never changes, so neither do the classes of its steps.
  const classesOfPlan = new Map<Digest, ReadonlySet<StepClass>>();
  const classes = async (digest: Digest): Promise<ReadonlySet<StepClass>> => {
    const known = classesOfPlan.get(digest);
    if (known) return known;
    const found = new Set((await store.stepKinds(digest)).map(classOf));
    if (classesOfPlan.size >= 2 * LISTED) classesOfPlan.clear();
    classesOfPlan.set(digest, found);
    return found;
  };
  const stateOf = async (digest: Digest, header: PlanHeader, stored: readonly StoredApproval[]) => {
    const root = await sources.trustRoot();
    const given = countingApprovals(digest, stored, root, clock.now());
    return approvalState(header, await classes(digest), root, given);
  };

  // A server takes an order once, for ever, by its digest: two plans of one millisecond must not hold the same one.
  let lastCompiledAt = 0;
  const compileTime = (): number => {
    lastCompiledAt = Math.max(clock.now(), lastCompiledAt + 1);
    return lastCompiledAt;
  };

  /** How far the plan is on its way to be allowed to run; null where there is none. */
  const get = async (digest: Digest): Promise<PlanView | null> => {
    const stored = await store.get(digest);
    if (!stored) return null;
    const approval = await stateOf(digest, readHeader(stored.header), stored.approvals);
    return { digest, document: stored.document, approval, run: stored.run };
  };

  return {
    get,
    policySchema,

    /** What the plan brings, and what of it the policy leaves out; null where there is no such plan. */
    async bundleOf(digest: Digest): Promise<PlanHeader['bundle'] | null> {
      const header = await store.header(digest);
      return header === null ? null : readHeader(header).bundle;
    },

    /** Compiles a policy into a plan and keeps it. Nothing is kept where there is an error. */
    async plan(input: {
      policyText: string;
      fileName: string;
      /** Texts of the other files that the policy names, by their names in it. */
      files?: ReadonlyMap<string, string>;
      /** When the window opens; null: as the policy says. */
      atMs: number | null;
      /** Why it is an emergency; null where it is none. */
      emergency?: string | null;
      /** See {@link CompileInput.only}. */
      only?: CompileInput['only'];
      by: string;
    }): Promise<Result<{ document: PlanDocument; digest: Digest }, PlannerError>> {
      const policy = parsePolicy(input.policyText, input.fileName, input.files);
      if (!policy.ok) return refuse('policy-invalid', input.fileName, policy.error);
      const landscape = await sources.landscape();
      if (!landscape)
        return err({ code: 'no-landscape', message: 'there is no landscape yet: import one, then plan again' });
      const chosen = chooseBundle(policy.value.bundle, await sources.bundles(), await sources.rings());
      if (!chosen.ok) return refuse('plan-impossible', input.fileName, [chosen.error]);
      const now = compileTime();
      const compiled = compile({
        policy: policy.value,
        landscape,
        bundle: await sources.bundle(chosen.value),
        installedBytes: await sources.installedBytes(),
        agents: await sources.agents(),
        facts: await sources.facts(),
        history: await sources.durations([...new Set(policy.value.steps.map(({ kind }) => kind))]),
        factsMaxAgeMs,
        fleet,
        trustRoot: await sources.trustRoot(),
        author: input.by,
        now,
        at: input.atMs,
        ...(input.emergency ? { emergency: input.emergency } : {}),
        ...(input.only ? { only: input.only } : {}),
      });
      if (!compiled.ok) return refuse('plan-impossible', input.fileName, compiled.error);
      const { header, orders } = compiled.value;
      const document = encodePlan(header, orders);
      const opened = openPlan(document);
      assert(opened.ok, opened.ok ? '' : `the planner made a plan that cannot be opened: ${opened.error}`);
      const { digest } = opened.value;
      await store.transaction(async transaction => {
        await transaction.add(opened.value, document, now);
        await transaction.audit({
          actor: input.by,
          action: 'plan.compiled',
          subject: `plan ${digest}`,
          detail: {
            name: header.name,
            policy: header.policy.digest,
            landscape: landscape.version,
            bundle: header.bundle.name,
            hosts: orders.length,
            excluded: header.excluded.length,
            ...(header.emergency ? { emergency: header.emergency.reason } : {}),
          },
        });
      });
      return ok({ document, digest });
    },

    /** Takes an approval that was signed elsewhere. It counts only for exactly this plan. */
    async approve(input: {
      plan: Digest;
      envelope: Envelope;
      by: string;
    }): Promise<Result<ApprovalState, PlannerError>> {
      const { plan: digest, envelope, by } = input;
      const root = await sources.trustRoot();
      const taken = await store.transaction(async (transaction): Promise<Result<string[], PlannerError>> => {
        const locked = await transaction.lock(digest);
        if (!locked) return err(unknownPlan(digest));
        const header = readHeader(locked.header);
        const approvers = acceptApproval({ digest, header, run: locked.run }, envelope, root, clock.now());
        if (!approvers.ok) return approvers;
        const text = encodeEnvelope(envelope).toString('utf8');
        for (const approver of approvers.value)
          await transaction.approve(digest, { approver, envelope: text }, clock.now());
        await transaction.audit({
          actor: by,
          action: 'plan.approved',
          subject: `plan ${digest}`,
          detail: { approvers: approvers.value.join(', ') },
        });
        return approvers;
      });
      if (!taken.ok) return taken;
      const view = await get(digest);
      return view ? ok(view.approval) : err(unknownPlan(digest));
    },

    /** Newest first. */
    async list(): Promise<PlanSummary[]> {
      const summaries: PlanSummary[] = [];
      for (const { digest, header: text, createdAt, approvals, run } of await store.list(LISTED)) {
        const header = readHeader(text);
        summaries.push({
          digest,
          name: header.name,
          author: header.author,
          bundle: header.bundle.name,
          hosts: header.hosts.length,
          excluded: header.excluded.length,
          windowStart: header.window.start,
          windowEnd: header.window.end,
          createdAt,
          approval: await stateOf(digest, header, approvals),
          run,
        });
      }
      return summaries;
    },
  };
}

const unknownPlan = (digest: Digest): PlannerError => ({
  code: 'plan-unknown',
  message: `there is no plan ${digest}: it was made by another controller, or never stored`,
});

function refuse(
  code: PlannerError['code'],
  fileName: string,
  details: PlanError[],
): { ok: false; error: PlannerError } {
  const [first] = details;
  const count = details.length === 1 ? 'an error' : `${details.length} errors`;
  const what = code === 'policy-invalid' ? `${fileName} has ${count}` : `no plan can be made of ${fileName}`;
  return err({
    code,
    message: details.length === 1 ? `${what}: ${first?.message}` : `${what}; no plan was made`,
    details,
  });
}
