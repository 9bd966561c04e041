export type AccessErrorCode = 'token-exists' | 'token-unknown' | 'expiry-passed' | 'last-admin' | 'name-invalid';

export interface AccessError {
  code: AccessErrorCode;
  /** For people: what was refused, and how to get further. */
  message: string;
}
