import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import type { DocumentError } from '../documents/errors.ts';
import { durationUpTo, Share } from '../documents/quantities.ts';
import { readDocument } from '../documents/read.ts';

/** What must be so before a bundle may enter a ring. Of what is not asked for nothing is said. */
export interface RingNeeds {
  /** How long it has been in the ring before, in milliseconds. */
  ageMs: number | null;
  /** So many servers have been patched with it there. */
  hosts: number | null;
  /** Of the servers on which it was begun there, at least this share has been patched: 0 to 1. */
  successShare: number | null;
  /** None of the incidents of its runs is open. */
  noOpenIncidents: boolean;
  signOff: SignOffRule | null;
}

export interface SignOffRule {
  /** Names of approvers; empty: anybody whom the trust root names. */
  from: readonly string[];
  need: number;
  /** Whoever made the bundle does not count. */
  notAuthor: boolean;
}

/** A stage that bundles are promoted through. */
export interface Ring {
  name: string;
  needs: RingNeeds;
}

/** More stages than this are no stages. */
const MAX_RINGS = 20;

const Needs = z.strictObject({
  age: durationUpTo(90).optional(),
  hosts: z.int().min(1).optional(),
  successShare: Share.optional(),
  noOpenIncidents: z.boolean().default(false),
  signOff: z
    .strictObject({
      from: z.array(z.string().min(1)).max(50).default([]),
      need: z.int().min(1).max(50).default(1),
      notAuthor: z.boolean().default(true),
    })
    .optional(),
});

const RingsFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('Rings'),
  spec: z.strictObject({
    rings: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be small letters, digits or "-", at most 32'),
          needs: Needs.optional(),
        }),
      )
      .min(1)
      .max(MAX_RINGS),
  }),
});

/** Reads a site's rings from YAML or JSON; all errors at once, with their places. */
export function readRings(text: string, fileName: string): Result<Ring[], DocumentError[]> {
  const read = readDocument(text, fileName, RingsFile);
  if (!read.ok) return read;
  const { file, positionOf } = read.value;
  const errors: DocumentError[] = [];
  const complain = (path: PropertyKey[], message: string) =>
    errors.push({ message, file, ...positionOf(['spec', 'rings', ...path]) });
  const { rings } = read.value.value.spec;
  for (const [index, { name, needs }] of rings.entries()) {
    if (rings.findIndex(ring => ring.name === name) < index)
      complain([index, 'name'], `the ring ${name} is there twice`);
    if (index === 0 && needs !== undefined) {
      complain([index, 'needs'], `${name} is the first ring, where bundles are made: it can need nothing`);
    }
    const { from = [], need = 1 } = needs?.signOff ?? {};
    if (from.length > 0 && from.length < need) {
      complain([index, 'needs', 'signOff', 'need'], `${need} must sign and only ${from.length} may`);
    }
  }
  return errors.length > 0 ? err(errors) : ok(rings.map(({ name, needs }) => ({ name, needs: needsOf(needs) })));
}

const needsOf = (needs: z.output<typeof Needs> | undefined): RingNeeds => ({
  ageMs: needs?.age ?? null,
  hosts: needs?.hosts ?? null,
  successShare: needs?.successShare?.share ?? null,
  noOpenIncidents: needs?.noOpenIncidents ?? false,
  signOff: needs?.signOff ?? null,
});

export const needsNothing = ({ needs }: Ring): boolean =>
  needs.ageMs === null &&
  needs.hosts === null &&
  needs.successShare === null &&
  !needs.noOpenIncidents &&
  needs.signOff === null;

/** Where in the order the ring stands. */
export function ringNamed(rings: readonly Ring[], name: string): Result<number, string> {
  const at = rings.findIndex(ring => ring.name === name);
  if (at >= 0) return ok(at);
  const names = rings.map(ring => ring.name);
  return err(`there is no ring ${name}${didYouMean(name, names)}: there are ${names.join(', ')}`);
}
