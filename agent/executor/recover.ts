import type { StepResult } from '../steps/directory.ts';

/** What can be found out about a step that has an INTENT and no RESULT. */
export interface StepTraces {
  result: StepResult | null;
  /**
   * `never-began`: nobody started in its directory, and by now nobody can. `before-boot`: it began before the server
   * booted, so that nothing of it can run any more. `unclear`: somebody did begin, but what was written about it was cut
   * off.
   */
  child: 'never-began' | 'alive' | 'gone' | 'before-boot' | 'unclear';
  idempotent: boolean;
  /** Its kind finds out by itself how far it came. */
  resumes: boolean;
}

export type Recovery =
  /** It runs on, or has ended and said how: its own word counts. */
  | { decision: 'adopt'; how: 'result' | 'running' }
  /** It has not begun and never will by itself. */
  | { decision: 'rerun' }
  /** It began and is over, and goes on where it was when it is started anew. */
  | { decision: 'resume' }
  /** It broke. It may start again, as often as the order says. */
  | { decision: 'failed'; message: string }
  /** It broke, and starting again could do twice what may be done once. */
  | { decision: 'unknown'; message: string };

/** Pure: what to make of a step that the executor was not there to see the end of. */
export function recover({ result, child, idempotent, resumes }: StepTraces): Recovery {
  if (result) return { decision: 'adopt', how: 'result' };
  switch (child) {
    case 'alive':
      return { decision: 'adopt', how: 'running' };
    case 'never-began':
      return { decision: 'rerun' };
    case 'gone':
    case 'before-boot':
    case 'unclear': {
      if (resumes) return { decision: 'resume' };
      const message =
        child === 'before-boot'
          ? 'the server booted while it ran, and it left no result'
          : 'its process is gone and left no result';
      return idempotent
        ? { decision: 'failed', message }
        : { decision: 'unknown', message: `${message}; how far it came must be found out on the server` };
    }
  }
}
