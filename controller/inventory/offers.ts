import type { Digest } from '@tidemark/shared/base/digest.ts';
import { readSection, rootOf, type Section, type SectionRef } from '@tidemark/shared/inventory/section.ts';

/* What a host has offered and has not yet handed over. Pure: a state and what becomes of it. */

export interface Offer {
  root: Digest;
  /** Of the host, as they were offered. */
  sections: readonly SectionRef[];
  /** Of these nothing is kept yet. */
  missing: ReadonlySet<Digest>;
  /** What is not kept, with the reason. */
  refused: ReadonlyMap<Digest, string>;
  /** Who waits for it. */
  requests: readonly string[];
}

/** More than a controller has reason to ask of one host at once. */
const MAX_REQUESTS = 32;

/** Null where the root does not name what is offered, or a kind is there twice. */
export function readOffer(
  offered: { request: string; root: Digest; sections: readonly SectionRef[] },
  missing: readonly Digest[],
  before: Offer | undefined,
): Offer | null {
  const { request, root, sections } = offered;
  if (new Set(sections.map(({ kind }) => kind)).size < sections.length || rootOf(sections) !== root) return null;
  // A newer look takes the place of one that was not handed over, and answers who waited for that.
  const requests = [...new Set([...(before?.requests ?? []), request])].slice(-MAX_REQUESTS);
  return { root, sections, missing: new Set(missing), refused: new Map(), requests };
}

/** What was told, taken as far as it was missing and is what its digest says; else refused. */
export function takeTold(
  offer: Offer,
  told: readonly { kind: string; text: string }[],
): { offer: Offer; sections: Section[] } {
  const missing = new Set(offer.missing);
  const refused = new Map(offer.refused);
  const sections: Section[] = [];
  for (const { kind, text } of told) {
    const wanted = offer.sections.find(each => each.kind === kind);
    // Nobody asked for it.
    if (!wanted || !missing.has(wanted.digest)) continue;
    const read = readSection(kind, text);
    missing.delete(wanted.digest);
    if (!read.ok) refused.set(wanted.digest, read.error);
    else if (read.value.digest !== wanted.digest) refused.set(wanted.digest, `${kind}: is not what its digest says`);
    else sections.push(read.value);
  }
  return { offer: { ...offer, missing, refused }, sections };
}

/** What is kept of it once nothing is missing. */
export const keptOf = ({ sections, refused }: Offer): SectionRef[] =>
  sections.filter(({ digest }) => !refused.has(digest));
