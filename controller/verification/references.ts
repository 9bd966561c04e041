import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/** Something that hosts are held against, or that is looked at. */
export type Reference =
  /** The host's newest fingerprint. */
  | { kind: 'now'; host: string }
  /** The newest that had been finished then, in milliseconds since the epoch by the host's clock. */
  | { kind: 'then'; host: string; atMs: number }
  /** One fingerprint, by how its id begins. */
  | { kind: 'fingerprint'; host: string; id: string }
  | { kind: 'baseline'; name: string };

const BASELINE = 'baseline:';
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;
/** So long that two fingerprints of one host hardly ever begin alike. */
const ID = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/;

/** `db01`, `db01@2026-03-21T22:00:00Z`, `db01@3f2a91c0`, `baseline:golden-db`. */
export function parseReference(text: string): Result<Reference, string> {
  if (text.startsWith(BASELINE)) return ok({ kind: 'baseline', name: text.slice(BASELINE.length) });
  const sign = text.indexOf('@');
  if (sign < 0) return ok({ kind: 'now', host: text });
  const [host, which] = [text.slice(0, sign), text.slice(sign + 1)];
  if (ID.test(which)) return ok({ kind: 'fingerprint', host, id: which });
  const atMs = INSTANT.test(which) ? Date.parse(which) : Number.NaN;
  if (!Number.isNaN(atMs)) return ok({ kind: 'then', host, atMs });
  return err(
    `"${which}" in "${text}" is no fingerprint and no time: write HOST, HOST@2026-03-21T22:00:00Z, HOST@ and the first 8 digits of a fingerprint's id, or baseline:NAME`,
  );
}
