import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IsTrue } from '@tidemark/controller/orchestrator/ports.ts';
import { parseCondition } from '@tidemark/controller/planner/cel.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { FLEET } from './landscape.ts';
import type { PreparedNight } from './prepared.ts';

/* Who signs in a simulated night. One of each is enough for all nights: signatures are not what is simulated. */

const approver = generateKeyPairSync('ed25519').privateKey;
export const dispatchKey: KeyObject = generateKeyPairSync('ed25519').privateKey;

export const TRUST_ROOT: TrustRoot = {
  ...{ format: 'tidemark/trust-root/v1', fleet: FLEET, version: 1 },
  approvers: [
    {
      name: 'ada',
      publicKey: rawPublicKey(approver).toString('base64'),
      classes: ['observe', 'patch', 'command'],
    },
  ],
  thresholds: { observe: 0, patch: 1, command: 1 },
};

export const approvalOf = ({ plan, fate }: PreparedNight): Envelope =>
  signApproval(
    {
      ...{ format: 'tidemark/approval/v1', fleet: FLEET, plan: plan.digest, gate: 'plan' },
      ...{ approvedAt: plan.header.window.start - 1, expiresAt: fate.approvalExpiresAt },
    },
    approver,
  );

/** The production answer, computed once for the same facts: reading CEL anew each tick would be most of a night. */
export function askedOnce(): IsTrue {
  const answers = new Map<string, WeakMap<object, boolean | null>>();
  return (text, facts) => {
    const known = answers.get(text) ?? new WeakMap<object, boolean | null>();
    answers.set(text, known);
    if (!known.has(facts)) {
      const condition = parseCondition(text, 'facts');
      const answer = condition.ok ? condition.value.holds({ facts }) : condition;
      known.set(facts, answer.ok ? answer.value : null);
    }
    return known.get(facts) ?? null;
  };
}
