export type StoreErrorCode =
  /** The private PostgreSQL cannot be set up or started. */
  | 'private-database'
  /** The site's PostgreSQL cannot be reached or is not fit. */
  | 'site-database'
  /** What is in the database does not fit this program. */
  | 'schema'
  /** Another controller works on this state directory. */
  | 'in-use';

/** Why there is no database. The message is for whoever starts the controller and says what to do next. */
export class StoreError extends Error {
  override name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
