/** Why enrolment, renewal or the management of identities was refused. Messages go to agents and people as they are. */
export type EnrolmentErrorCode =
  /** No such token or not its secret: the same answer, so that a guesser learns nothing. */
  | 'token-unknown'
  | 'token-used'
  | 'token-expired'
  | 'request-invalid'
  | 'host-enrolled'
  | 'host-banned'
  | 'host-unknown'
  | 'certificate-refused';

export interface EnrolmentError {
  code: EnrolmentErrorCode;
  /** For people: what was refused, and how to get further. */
  message: string;
}

/** Thrown inside of a transaction to undo it; {@link service.ts} turns it into a Result. */
export class Refused extends Error {
  override name = 'Refused';
  readonly error: EnrolmentError;

  constructor(code: EnrolmentErrorCode, message: string) {
    super(message);
    this.error = { code, message };
  }
}
