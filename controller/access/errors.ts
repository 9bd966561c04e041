export type AccessErrorCode = 'token-exists' | 'token-unknown' | 'expiry-passed' | 'last-admin' | 'name-invalid';

export interface AccessError {
  code: AccessErrorCode;
  /** What happened, to what, and what to do next. */
  message: string;
}
