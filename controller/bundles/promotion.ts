import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { durationText } from '../documents/quantities.ts';
import type { BundleError } from './errors.ts';
import type { Bundle, Evidence } from './ports.ts';
import { needsNothing, type Ring, ringNamed } from './rings.ts';

/*
 * Whether a bundle may go further. What time and numbers would bring can be done without in a hurry, by somebody who says
 * why; open incidents and people's signatures cannot.
 */

/** Something that a ring asks for, and how it stands. */
export interface Need {
  need: 'age' | 'hosts' | 'success' | 'incidents' | 'sign-off';
  met: boolean;
  /** What is wanted and what there is: `72 h in test: 26 h so far`. */
  text: string;
}

/** What is known of the bundle since it came into the ring where it is. */
export interface Standing {
  bundle: Bundle;
  evidence: Evidence;
  /** Names of those whose signature for the next ring counts now. */
  signedBy: readonly string[];
}

const IN_A_HURRY: ReadonlySet<Need['need']> = new Set(['age', 'hosts', 'success']);

/** What `ring` asks of the bundle, each with how it stands. */
export function needsOf(ring: Ring, { bundle, evidence, signedBy }: Standing, now: number): Need[] {
  const { ageMs, hosts, successShare, noOpenIncidents, signOff } = ring.needs;
  const needs: Need[] = [];
  const begun = evidence.patched + evidence.failed;
  if (ageMs !== null) {
    const age = now - bundle.ringSince;
    needs.push({
      need: 'age',
      met: age >= ageMs,
      text: `${durationText(ageMs)} in ${bundle.ring}: ${durationText(age)} so far`,
    });
  }
  if (hosts !== null) {
    const text = `${hosts} servers patched in ${bundle.ring}: ${evidence.patched} so far`;
    needs.push({ need: 'hosts', met: evidence.patched >= hosts, text });
  }
  if (successShare !== null) {
    const share = begun === 0 ? 'none has been begun' : `${evidence.patched} of ${begun}`;
    const working = evidence.atWork > 0 ? `, ${evidence.atWork} still at work` : '';
    needs.push({
      need: 'success',
      // Of what has not been tried nothing is known.
      met: begun > 0 && evidence.atWork === 0 && evidence.patched >= successShare * begun,
      text: `${Math.round(successShare * 100)} % of the servers patched: ${share}${working}`,
    });
  }
  if (noOpenIncidents) {
    const count = evidence.openIncidents.length;
    const which = count === 0 ? 'none' : evidence.openIncidents.slice(0, SHOWN).join(', ');
    needs.push({ need: 'incidents', met: count === 0, text: `no open incident of its runs: ${which}` });
  }
  if (signOff) {
    const { from, need, notAuthor } = signOff;
    const counting = signedBy.filter(
      name => (from.length === 0 || from.includes(name)) && !(notAuthor && name === bundle.createdBy),
    );
    const who = from.length > 0 ? ` of ${from.join(', ')}` : '';
    const other = notAuthor ? `, not ${bundle.createdBy}, who made it` : '';
    needs.push({
      need: 'sign-off',
      met: counting.length >= need,
      text: `${need} signatures${who}${other}: ${counting.length === 0 ? 'none' : counting.join(', ')}`,
    });
  }
  return needs;
}

const SHOWN = 5;

/** The ring that comes after the one where it is; null at the end. */
export function nextRing(rings: readonly Ring[], { ring }: Bundle): Ring | null {
  const at = rings.findIndex(({ name }) => name === ring);
  return rings[at + 1] ?? null;
}

/**
 * Whether it may be promoted to `to` now, and which of its needs somebody in a hurry does without. Rings that need
 * something are not passed over.
 */
export function judgePromotion(
  { rings, to, expedite, now }: { rings: readonly Ring[]; to: string; expedite: boolean; now: number },
  standing: Standing,
): Result<{ without: Need[] }, BundleError> {
  const { bundle } = standing;
  const { name } = bundle;
  const bar = barOf(bundle);
  if (bar) return refuse('bundle-frozen', bar);
  const at = ringNamed(rings, to);
  if (!at.ok) return refuse('ring-unknown', at.error);
  const from = rings.findIndex(ring => ring.name === bundle.ring);
  if (at.value <= from) {
    return refuse(
      'already-promoted',
      `bundle ${name} is in the ring ${bundle.ring} already, which is further than ${to}: bundles are not taken back; ` +
        `"tidemark bundle hold" keeps one from going on, "tidemark bundle withdraw" ends it`,
    );
  }
  const passed = rings.slice(from + 1, at.value).find(ring => !needsNothing(ring));
  if (passed) {
    return refuse(
      'promotion-not-now',
      `bundle ${name} cannot pass over the ring ${passed.name}, which has needs of its own: promote it there first`,
    );
  }
  const needs = needsOf(rings[at.value] as Ring, standing, now);
  const unmet = needs.filter(need => !need.met);
  const stands = unmet.filter(({ need }) => !expedite || !IN_A_HURRY.has(need));
  if (stands.length === 0) return ok({ without: unmet });
  const hurry = !expedite && stands.some(({ need }) => IN_A_HURRY.has(need));
  return refuse(
    'promotion-not-now',
    `bundle ${name} may not enter the ring ${to} yet. It needs ${stands.map(({ text }) => text).join('; ')}.` +
      `${hurry ? ' Time and numbers can be done without, with a reason: --expedite.' : ''}`,
  );
}

/** Why nothing new may be done with the bundle; null where it may. */
export function barOf({ name, held, withdrawn }: Pick<Bundle, 'name' | 'held' | 'withdrawn'>): string | null {
  if (withdrawn) return `bundle ${name} was withdrawn by ${withdrawn.by}: ${withdrawn.reason}`;
  if (held) return `bundle ${name} is held by ${held.by}: ${held.reason} ("tidemark bundle release ${name}")`;
  return null;
}

/** Older bundles with something in common that have not come as far: they would be overtaken, and servers pass over them. */
export function overtaken(bundle: Bundle, to: string, others: readonly Bundle[], rings: readonly Ring[]): string[] {
  const place = (name: string) => rings.findIndex(ring => ring.name === name);
  const brings = new Set(contents(bundle));
  return others
    .filter(
      other =>
        other.name !== bundle.name &&
        other.createdAt < bundle.createdAt &&
        other.withdrawn === null &&
        place(other.ring) < place(to),
    )
    .flatMap(other => {
      const common = contents(other).filter(each => brings.has(each));
      if (common.length === 0) return [];
      const more = common.length > SHOWN ? ` and ${common.length - SHOWN} more` : '';
      const what = common.slice(0, SHOWN).join(', ');
      return [`it overtakes ${other.name}, which is in ${other.ring} and brings ${what}${more} too`];
    });
}

const contents = ({ releases, packages }: Bundle): string[] => [
  ...releases.map(({ product }) => product),
  ...packages.map(({ family = 'dpkg', name }) => (family === 'dpkg' ? name : `${family}/${name}`)),
];

const refuse = (code: BundleError['code'], message: string) => err({ code, message });
