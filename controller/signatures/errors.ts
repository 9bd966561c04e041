export type SignatureErrorCode =
  | 'bad-package'
  | 'package-unsigned'
  | 'bad-signature'
  | 'bad-statement'
  | 'bad-key'
  | 'key-unknown'
  | 'no-trust-root';

/** Why nothing was learned of a package, or a key was not taken; nothing has changed. */
export interface SignatureError {
  code: SignatureErrorCode;
  message: string;
}
