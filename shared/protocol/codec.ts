import { type Digest, digestFromBytes, digestToBytes } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { InclusionProof } from '../merkle/proof.ts';
import type { Direction } from '../orders/job-state.ts';
import { RefusalCode } from '../orders/refusal.ts';
import type { AgentJobEvent } from '../orders/report.ts';
import {
  Direction as WireDirection,
  JobEventKind as WireJobEventKind,
  type InclusionProof as WireProof,
} from './gen/tidemark/v1/link.ts';

/*
 * Between the wire and the words of the domain, as far as both sides share them. What comes from the wire is bad until
 * it is read here: readers throw {@link Malformed}, and {@link reading} turns that into a Result at the edge.
 */

/** A message decoded, but what stands in it is none of the values that may. */
export class Malformed extends Error {
  override name = 'Malformed';
  /** Where: `report.job.kind`. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
  }
}

/** Runs a reader; what it says is malformed is the error, anything else is a bug and flies on. */
export function reading<T>(read: () => T): Result<T, Malformed> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof Malformed) return err(error);
    throw error;
  }
}

const DIGEST_BYTES = 32;

export const digestToWire = (digest: Digest): Buffer => digestToBytes(digest);

export function digestFromWire(bytes: Uint8Array, field: string): Digest {
  if (bytes.length !== DIGEST_BYTES)
    throw new Malformed(field, `${bytes.length} bytes, a SHA-256 digest has ${DIGEST_BYTES}`);
  return digestFromBytes(bytes);
}

/** No bytes at all mean that there is none. */
export const optionalDigestToWire = (digest: Digest | null): Buffer =>
  digest === null ? Buffer.alloc(0) : digestToWire(digest);

export const optionalDigestFromWire = (bytes: Uint8Array, field: string): Digest | null =>
  bytes.length === 0 ? null : digestFromWire(bytes, field);

/** What a controller knows of a host's inventory. Nothing at all (null) where it takes no offers. */
export type KnownInventory = { root: Digest | null } | null;

const NOTHING_KNOWN = Buffer.alloc(DIGEST_BYTES);

export const knownToWire = ({ root }: { root: Digest | null }): Buffer =>
  root === null ? NOTHING_KNOWN : digestToWire(root);

export function knownFromWire(bytes: Uint8Array, field: string): KnownInventory {
  if (bytes.length === 0) return null;
  return { root: NOTHING_KNOWN.equals(bytes) ? null : digestFromWire(bytes, field) };
}

const DIRECTIONS = {
  forward: WireDirection.DIRECTION_FORWARD,
  undo: WireDirection.DIRECTION_UNDO,
} as const satisfies Record<Direction, WireDirection>;

export const directionToWire = (direction: Direction): WireDirection => DIRECTIONS[direction];

export const directionFromWire = (value: number, field: string): Direction => keyOf(DIRECTIONS, value, field);

const JOB_EVENTS = {
  started: WireJobEventKind.JOB_EVENT_KIND_STARTED,
  succeeded: WireJobEventKind.JOB_EVENT_KIND_SUCCEEDED,
  failed: WireJobEventKind.JOB_EVENT_KIND_FAILED,
  missed: WireJobEventKind.JOB_EVENT_KIND_MISSED,
  unknown: WireJobEventKind.JOB_EVENT_KIND_UNKNOWN,
  skipped: WireJobEventKind.JOB_EVENT_KIND_SKIPPED,
  cancelled: WireJobEventKind.JOB_EVENT_KIND_CANCELLED,
} as const satisfies Record<AgentJobEvent, WireJobEventKind>;

export const jobEventToWire = (kind: AgentJobEvent): WireJobEventKind => JOB_EVENTS[kind];

export const jobEventFromWire = (value: number, field: string): AgentJobEvent => keyOf(JOB_EVENTS, value, field);

export function refusalCodeFromWire(text: string, field: string): RefusalCode {
  const code = RefusalCode.safeParse(text);
  if (!code.success) throw new Malformed(field, `"${text.slice(0, 40)}" is no refusal that this version knows`);
  return code.data;
}

export const proofToWire = (proof: InclusionProof): WireProof => ({
  leafIndex: proof.leafIndex,
  leafCount: proof.leafCount,
  path: proof.path.map(sibling => Buffer.from(sibling)),
});

export function proofFromWire(proof: WireProof | undefined, field: string): InclusionProof {
  if (proof === undefined) throw new Malformed(field, 'is missing');
  for (const sibling of proof.path) {
    if (sibling.length !== DIGEST_BYTES)
      throw new Malformed(`${field}.path`, `a hash of ${sibling.length} bytes, not ${DIGEST_BYTES}`);
  }
  return { leafIndex: proof.leafIndex, leafCount: proof.leafCount, path: proof.path };
}

/** An object as JSON text; the empty text means that there is none. */
export const objectToWire = (value: Record<string, unknown> | null): string =>
  value === null ? '' : JSON.stringify(value);

export function objectFromWire(text: string, field: string): Record<string, unknown> | null {
  if (text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed(field, 'is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(field, 'is no JSON object');
  return value as Record<string, unknown>;
}

/** A sequence of reports begins at 1: 0 on the wire is a field that was left out. */
export function sequenceFromWire(value: number, field: string): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new Malformed(field, `${value} is no sequence number`);
  return value;
}

export function textFromWire(text: string, field: string, maxLength: number): string {
  if (text.length > maxLength) throw new Malformed(field, `${text.length} characters, at most ${maxLength} may be`);
  return text;
}

function keyOf<K extends string>(table: Readonly<Record<K, number>>, value: number, field: string): K {
  for (const key of Object.keys(table) as K[]) if (table[key] === value) return key;
  throw new Malformed(field, `${value} is no value that this version knows`);
}
