import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { defaultDurationMs } from '@tidemark/shared/orders/step-kinds.ts';

/** How long steps of a kind took that ended well, in milliseconds. */
export interface LearnedDuration {
  /** Null: over all hosts. */
  hostId: string | null;
  kind: string;
  /** Name of the bundle; null: over all of them. */
  bundle: string | null;
  /** On so many rests what is said here. */
  count: number;
  p50Ms: number;
  p90Ms: number;
}

/** What a job takes: `p90Ms` is not there where nothing has been learned. */
export interface ExpectedDuration {
  expectedMs: number;
  p90Ms?: number;
}

/** Fewer are an anecdote: the third decides the median of five against two that went wrong. */
const FEWEST_OF_HOST = 5;
/** Of many hosts, which differ from each other. */
const FEWEST_OF_KIND = 10;
/** What a night with a full disk took is no measure of the next one: no more than so many times what is usual. */
const MOST_ABOVE_MEDIAN = 4;

/** What takes as long as the bundle is large: another host with the same bundle tells more than this host with another. */
const FOLLOWS_BUNDLE = /^(package|archive|artifact)\//;

export class History {
  readonly #known = new Map<string, LearnedDuration>();

  constructor(learned: readonly LearnedDuration[]) {
    for (const one of learned) {
      const fewest = one.hostId === null ? FEWEST_OF_KIND : FEWEST_OF_HOST;
      if (one.count >= fewest) this.#known.set(keyOf(one), one);
    }
  }

  /** From what is known of this very host to what is known of the kind of step, and else what the vocabulary says. */
  expected(hostId: string, bundle: string, call: Call): ExpectedDuration {
    const said = saidBy(call);
    if (said) return said;
    const { kind } = call;
    const ofHost = { hostId, kind, bundle: null };
    const ofBundle = { hostId: null, kind, bundle };
    const places = FOLLOWS_BUNDLE.test(kind) ? [ofBundle, ofHost] : [ofHost, ofBundle];
    for (const place of [{ hostId, kind, bundle }, ...places, { hostId: null, kind, bundle: null }]) {
      const known = this.#known.get(keyOf(place));
      if (known) return bounded(known);
    }
    return { expectedMs: defaultDurationMs(kind) };
  }
}

/** A wait takes as long as it says, and of what a person does the policy says what to expect. */
function saidBy(call: Call): ExpectedDuration | null {
  if (call.kind === 'manual/task') return { expectedMs: call.args.expectedMs };
  if (call.kind === 'system/wait' && call.args.until === 'elapsed')
    return { expectedMs: call.args.ms, p90Ms: call.args.ms };
  return null;
}

function bounded({ p50Ms, p90Ms }: LearnedDuration): ExpectedDuration {
  const expectedMs = Math.max(0, Math.round(p50Ms));
  // A step of no time at all may take a moment.
  const most = Math.max(expectedMs, 1_000) * MOST_ABOVE_MEDIAN;
  return { expectedMs, p90Ms: Math.min(Math.max(expectedMs, Math.round(p90Ms)), most) };
}

const keyOf = ({ hostId, kind, bundle }: Pick<LearnedDuration, 'hostId' | 'kind' | 'bundle'>): string =>
  `${hostId ?? ''}\0${kind}\0${bundle ?? ''}`;
