/** Why a run was not begun or not changed. */
export type OrchestratorErrorCode =
  | 'unknown-plan'
  | 'unknown-run'
  | 'broken-plan'
  | 'bundle-frozen'
  | 'no-trust-root'
  | 'not-approved'
  | 'already-run'
  | 'hosts-unknown'
  | 'hosts-in-use'
  | 'window-over'
  | 'unknown-host'
  | 'unknown-gate'
  | 'not-signed'
  | 'run-ended'
  | 'not-now';

export interface OrchestratorError {
  code: OrchestratorErrorCode;
  message: string;
}
