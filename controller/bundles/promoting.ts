import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { verifySignOff } from '@tidemark/shared/signing/sign-off.ts';
import type { BundleError, BundleErrorCode } from './errors.ts';
import type { Bundle, BundleStore, BundleTransaction, PromotionSources, StoredSignOff } from './ports.ts';
import { judgePromotion, type Need, needsOf, nextRing, overtaken, type Standing } from './promotion.ts';
import { type Ring, readRings, ringNamed } from './rings.ts';

export interface Promotion {
  bundle: Bundle;
  /** What somebody in a hurry did without, and what it overtakes: worth a look, nothing was refused for it. */
  warnings: string[];
}

export interface Outlook {
  bundle: Bundle;
  /** Null at the end. */
  next: { ring: string; needs: Need[] } | null;
}

/** How far bundles go: rings, what they need, and people's words about a bundle. */
export function createPromotions({
  store,
  sources,
  clock,
}: {
  store: BundleStore;
  sources: PromotionSources;
  clock: Clock;
}) {
  /** What there is for `ring`. Gathered before the bundle is locked: it is looked at, and not what is changed. */
  async function standing(bundle: Bundle, ring: string): Promise<Standing> {
    const [evidence, root, signOffs] = [
      await sources.evidence(bundle),
      await sources.trustRoot(),
      await store.signOffs(bundle.name),
    ];
    return { bundle, evidence, signedBy: root ? signersFor(bundle, ring, signOffs, root) : [] };
  }

  /** One change of one bundle, with its entry in the audit chain. */
  async function change(
    { name, by }: { name: string; by: string },
    work: (
      bundle: Bundle,
      transaction: BundleTransaction,
    ) => Promise<Result<{ bundle: Bundle; action: string; detail: Record<string, string> } | null, BundleError>>,
  ): Promise<Result<Bundle, BundleError>> {
    return store.transaction(async transaction => {
      const bundle = await transaction.bundleLocked(name);
      if (!bundle) return unknown(name);
      const done = await work(bundle, transaction);
      if (!done.ok) return done;
      if (!done.value) return ok(bundle);
      const { action, detail } = done.value;
      await transaction.audit({ actor: by, action, subject: name, detail: { digest: bundle.digest, ...detail } });
      return ok(done.value.bundle);
    });
  }

  /** Says a word about a bundle, or takes it back. */
  const say = (
    { name, by, reason }: { name: string; by: string; reason: string },
    of: 'held' | 'withdrawn',
    action: string,
  ) =>
    change({ name, by }, async (bundle, transaction) => {
      if (bundle.withdrawn) return refuse('bundle-frozen', `bundle ${name} was withdrawn: nothing brings it back`);
      const word = { [of]: { by, reason, at: clock.now() } };
      await transaction.update(name, word);
      return ok({ bundle: { ...bundle, ...word }, action, detail: { reason } });
    });

  return {
    /** Lets policies that go by rings take it. Never back: what went too far is answered by another bundle. */
    async promote(input: {
      name: string;
      to: string;
      /** Why time and numbers are done without; null where nobody is in a hurry. */
      expedite: string | null;
      by: string;
    }): Promise<Result<Promotion, BundleError>> {
      const { name, to, expedite, by } = input;
      const known = await store.bundle(name);
      if (!known) return unknown(name);
      const { evidence, signedBy } = await standing(known, to);
      return store.transaction(async transaction => {
        const rings = await transaction.ringsLocked();
        const bundle = await transaction.bundleLocked(name);
        if (!bundle) return unknown(name);
        if (bundle.ring === to) return ok({ bundle, warnings: [] });
        // What was gathered is about the ring where it was then.
        if (bundle.ring !== known.ring) {
          return refuse('promotion-not-now', `bundle ${name} has just been promoted to ${bundle.ring}: look again`);
        }
        const now = clock.now();
        const asked = { rings, to, expedite: expedite !== null, now };
        const judged = judgePromotion(asked, { bundle, evidence, signedBy });
        if (!judged.ok) return judged;
        await transaction.update(name, { ring: to, ringSince: now });
        const without = judged.value.without.map(({ text }) => text);
        await transaction.audit({
          actor: by,
          action: 'bundle.promoted',
          subject: name,
          detail: {
            ...{ digest: bundle.digest, from: bundle.ring, to },
            ...(expedite === null ? {} : { expedited: expedite, without: without.join('; ') }),
          },
        });
        const warnings = [
          ...without.map(text => `it went without what ${to} needs: ${text}`),
          ...overtaken(bundle, to, await transaction.bundles(), rings),
        ];
        return ok({ bundle: { ...bundle, ring: to, ringSince: now }, warnings });
      });
    },

    /** Nothing new begins with it until it is released: neither a plan, nor a run, nor a promotion. */
    hold: (input: { name: string; reason: string; by: string }) => say(input, 'held', 'bundle.held'),

    /** As hold, for ever. */
    withdraw: (input: { name: string; reason: string; by: string }) => say(input, 'withdrawn', 'bundle.withdrawn'),

    release: ({ name, reason, by }: { name: string; reason: string; by: string }) =>
      change({ name, by }, async (bundle, transaction) => {
        if (!bundle.held) return ok(null);
        await transaction.update(name, { held: null });
        return ok({ bundle: { ...bundle, held: null }, action: 'bundle.released', detail: { reason } });
      }),

    /** Takes a signature that was made elsewhere: it counts for exactly this content and one ring. */
    async signOff(input: { name: string; envelope: Envelope; by: string }): Promise<Result<Bundle, BundleError>> {
      const { name, envelope, by } = input;
      const root = await sources.trustRoot();
      if (!root) return refuse('sign-off-invalid', 'the fleet has no trust root that says whose signature counts');
      const verified = verifySignOff(envelope, root);
      if (!verified.ok) return refuse('sign-off-invalid', `the sign-off of bundle ${name}: ${verified.error}`);
      const { signOff, signedBy } = verified.value;
      return change({ name, by }, async (bundle, transaction) => {
        if (signOff.bundle !== bundle.digest || signOff.name !== name) {
          return refuse(
            'sign-off-invalid',
            `another bundle was signed (${signOff.name}, ${signOff.bundle}): look at ${name} again and sign it`,
          );
        }
        const ring = ringNamed(await transaction.ringsLocked(), signOff.ring);
        if (!ring.ok) return refuse('ring-unknown', ring.error);
        const text = encodeEnvelope(envelope).toString('utf8');
        for (const approver of signedBy) {
          await transaction.addSignOff(name, approver, { ring: signOff.ring, envelope: text }, clock.now());
        }
        return ok({
          bundle,
          action: 'bundle.signed-off',
          detail: { ring: signOff.ring, approvers: signedBy.join(', ') },
        });
      });
    },

    /** What it needs to go on; null where there is no such bundle. */
    async outlook(name: string): Promise<Outlook | null> {
      const bundle = await store.bundle(name);
      if (!bundle) return null;
      const next = nextRing(await store.rings(), bundle);
      if (!next) return { bundle, next: null };
      return {
        bundle,
        next: { ring: next.name, needs: needsOf(next, await standing(bundle, next.name), clock.now()) },
      };
    },

    rings: (): Promise<Ring[]> => store.rings(),

    /** Replaces the site's rings as a whole, or leaves them as they are. */
    async setRings(input: { text: string; fileName: string; by: string }): Promise<Result<Ring[], BundleError>> {
      const read = readRings(input.text, input.fileName);
      if (!read.ok) {
        const [first] = read.error;
        const more = read.error.length > 1 ? ` (and ${read.error.length - 1} more)` : '';
        const message = `${input.fileName} has errors, and no ring was changed: ${first?.message}${more}`;
        return err({ code: 'rings-invalid', message, details: read.error });
      }
      const rings = read.value;
      return store.transaction(async transaction => {
        await transaction.ringsLocked();
        const lost = (await transaction.bundles()).filter(({ ring }) => !rings.some(({ name }) => name === ring));
        if (lost.length > 0) {
          const which = lost.map(({ name, ring }) => `${name} (in ${ring})`).join(', ');
          return refuse('ring-in-use', `there are bundles in rings that would be gone: ${which}`);
        }
        await transaction.setRings(rings);
        const detail = { rings: rings.map(({ name }) => name).join(', '), file: input.fileName };
        await transaction.audit({ actor: input.by, action: 'rings.changed', subject: 'rings', detail });
        return ok(rings);
      });
    },
  };
}

/** Names of those who signed exactly this bundle for the ring, and whom the trust root names now. */
function signersFor(
  bundle: Bundle,
  ring: string,
  signOffs: readonly StoredSignOff[],
  root: Parameters<typeof verifySignOff>[1],
): string[] {
  const names = signOffs.flatMap(({ envelope }) => {
    const opened = Envelope.safeParse(parseJson(Buffer.from(envelope, 'utf8')));
    const verified = opened.success ? verifySignOff(opened.data, root) : null;
    if (!verified?.ok) return [];
    const { signOff, signedBy } = verified.value;
    return signOff.bundle === bundle.digest && signOff.ring === ring ? signedBy : [];
  });
  return [...new Set(names)].sort();
}

const unknown = (name: string) =>
  refuse('bundle-unknown', `there is no bundle ${name}: "tidemark get bundles" lists them`);

const refuse = (code: BundleErrorCode, message: string) => err({ code, message });
