import { createHash } from 'node:crypto';

/* Which power cuts a seed stands for. Pure: the same seed and number are the same cut, on any machine. */

/** When the power of a host goes, counted in what dpkg has done: that is the same on a slow and on a quick machine. */
export interface PowerCut {
  seed: string;
  /** From 0. */
  number: number;
  moment:
    | { phase: 'before dpkg'; fraction: number }
    /** After this part of the lines that an upgrade without a cut leaves in dpkg.log. */
    | { phase: 'dpkg'; fraction: number }
    | { phase: 'after dpkg' };
  /** After that moment, in milliseconds. */
  laterMs: number;
  /** The power goes once more so many milliseconds after it came back: in the middle of the recovery. */
  againMs: number | null;
}

/** Lines of dpkg.log are some 20 ms apart: enough to end up anywhere between two of them. */
const BETWEEN_LINES_MS = 60;
/** Verification, start of the service, and the reports of it. */
const AFTER_DPKG_MS = 3_000;
const AGAIN_WITHIN_MS = 6_000;
const AGAIN_SHARE = 0.25;

export function planCut(seed: string, number: number): PowerCut {
  const random = (what: string): number => {
    const digest = createHash('sha256').update(`${seed}/${number}/${what}`).digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
  const place = random('place');
  const fraction = random('fraction');
  const againMs = random('twice') < AGAIN_SHARE ? Math.floor(random('again') * AGAIN_WITHIN_MS) : null;
  const common = { seed, number, againMs };
  if (place < 0.15) return { ...common, moment: { phase: 'before dpkg', fraction }, laterMs: 0 };
  const later = (withinMs: number) => Math.floor(random('later') * withinMs);
  if (place < 0.9) return { ...common, moment: { phase: 'dpkg', fraction }, laterMs: later(BETWEEN_LINES_MS) };
  return { ...common, moment: { phase: 'after dpkg' }, laterMs: later(AFTER_DPKG_MS) };
}

export function describeCut({ number, moment, laterMs, againMs }: PowerCut): string {
  const where =
    moment.phase === 'after dpkg' ? moment.phase : `${moment.phase} ${(moment.fraction * 100).toFixed(1)} %`;
  return `cut ${number}: ${where} + ${laterMs} ms${againMs === null ? '' : `, again ${againMs} ms after it came back`}`;
}
