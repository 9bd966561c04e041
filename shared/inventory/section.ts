import { Buffer } from 'node:buffer';
import { canonicalJson, type Json } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isSectionKind, SECTIONS, SITE_FACT_NAME } from './kinds.ts';
import { sanitiseJson, sanitiseText } from './sanitise.ts';

/** A part of an inventory, named by its content. */
export interface Section {
  kind: string;
  digest: Digest;
  /** Canonical JSON. */
  text: string;
}

/** What an inventory has of a kind. */
export interface SectionRef {
  kind: string;
  digest: Digest;
}

/** UTF-8: the packages of a very large server are some 2 MB; both sides take messages of 4 MiB. */
export const MAX_SECTION_BYTES = 3 * 1024 * 1024;
/** What a site's own programs may tell is small, since every condition of a policy sees all of it. */
export const MAX_SITE_FACT_BYTES = 256 * 1024;
/** Our own kinds and as many again of the site. */
export const MAX_SECTIONS = 128;

/** The section with this content, made fit to be kept. The error says what of it cannot be. */
export function makeSection(kind: string, content: unknown): Result<Section, string> {
  const fit = sanitiseJson(content);
  const bad = problemOf(kind, fit);
  if (bad !== null) return refusal(kind, bad);
  const text = canonicalJson(fit);
  const bytes = Buffer.byteLength(text);
  const most = isSectionKind(kind) ? MAX_SECTION_BYTES : MAX_SITE_FACT_BYTES;
  return bytes > most
    ? refusal(kind, `${bytes} bytes are more than ${most}`)
    : ok({ kind, digest: digestFor(kind, text), text });
}

/**
 * A section as somebody else tells it. Only the canonical text of content that is fit to be kept is one: there is one
 * digest for one content, and nothing that was sent has to be changed before it can be believed.
 */
export function readSection(kind: string, text: string): Result<Section, string> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return refusal(kind, 'is no JSON');
  }
  const section = makeSection(kind, content);
  if (section.ok && section.value.text !== text) return refusal(kind, 'is not in its canonical form');
  return section;
}

/** One name for all that an inventory has. */
export const rootOf = (sections: readonly SectionRef[]): Digest =>
  digestOf(
    Buffer.from(
      `tidemark/inventory/v1\0${canonicalJson(Object.fromEntries(sections.map(({ kind, digest }) => [kind, digest])))}`,
    ),
  );

/** The name and the path of what is wrong are the sender's too. */
const refusal = (kind: string, why: string): Result<never, string> =>
  err(sanitiseText(`${kind.slice(0, 64)}: ${why.slice(0, 512)}`));

/** The kind is part of it, so that nobody can pass the one for the other. */
const digestFor = (kind: string, text: string): Digest =>
  digestOf(Buffer.from(`tidemark/section/v1\0${kind}\0${text}`));

function problemOf(kind: string, content: Json): string | null {
  if (!isSectionKind(kind))
    return SITE_FACT_NAME.test(kind) ? null : 'is no name for a fact: letters, digits, "_", "." and "-", 64 at most';
  const checked = SECTIONS[kind].safeParse(content);
  if (checked.success) return null;
  const [issue] = checked.error.issues;
  return `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is of another shape'}`;
}
