import { byPosition, type Position } from '../documents/errors.ts';

/** Why there is no plan. The place is in the policy; without one the cause lies outside of it. */
export interface PlanError {
  message: string;
  file?: string;
  line?: number;
  column?: number;
}

/** Why the planner did not do something. The code is for programs. */
export interface PlannerError {
  code:
    | 'policy-invalid'
    | 'plan-impossible'
    | 'no-landscape'
    | 'plan-unknown'
    | 'plan-already-run'
    | 'window-over'
    | 'no-trust-root'
    | 'approval-invalid'
    | 'approver-not-allowed';
  message: string;
  details?: PlanError[];
}

/** Where in a policy something is said. */
export interface Place extends Position {
  file: string;
}

export const errorAt = (place: Place, message: string): PlanError => ({
  message,
  file: place.file,
  line: place.line,
  column: place.column,
});

/** By place, each once. */
export function tidyErrors(errors: readonly PlanError[]): PlanError[] {
  const distinct = new Map(errors.map(error => [`${error.line}:${error.column}:${error.message}`, error]));
  return [...distinct.values()].sort(byPosition);
}
