import type { StepResult } from '../steps/directory.ts';

/** What can be found out about a step that has an INTENT and no RESULT. */
export interface StepTraces {
  result: StepResult | null;
  /**
   * `never-began`: nobody started in its directory, and by now nobody can. `unclear`: somebody did, but what was written
   * about it was cut off.
   */
  child: 'never-began' | 'alive' | 'gone' | 'unclear';
  idempotent: boolean;
}

export type Recovery =
  /** It runs on, or has ended and said how: its own word counts. */
  | { decision: 'adopt'; how: 'result' | 'running' }
  /** It has not begun and never will by itself. */
  | { decision: 'rerun' }
  /** It broke. It may start again, as often as the order says. */
  | { decision: 'failed'; message: string }
  /** It broke, and starting again could do twice what may be done once. */
  | { decision: 'unknown'; message: string };

/** Pure: what to make of a step that the executor was not there to see the end of. */
export function recover({ result, child, idempotent }: StepTraces): Recovery {
  if (result) return { decision: 'adopt', how: 'result' };
  switch (child) {
    case 'alive':
      return { decision: 'adopt', how: 'running' };
    case 'never-began':
      return { decision: 'rerun' };
    case 'gone':
    case 'unclear': {
      const message = 'its process is gone and left no result';
      return idempotent
        ? { decision: 'failed', message }
        : { decision: 'unknown', message: `${message}; how far it came must be found out on the server` };
    }
  }
}
