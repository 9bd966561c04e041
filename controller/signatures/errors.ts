export type SignatureErrorCode =
  | 'bad-package'
  | 'package-unsigned'
  | 'bad-signature'
  | 'bad-statement'
  | 'bad-key'
  | 'key-unknown'
  | 'no-trust-root'
  | 'index-unsigned'
  | 'index-expired'
  | 'index-older'
  | 'index-early'
  | 'bad-index'
  | 'damaged'
  | 'too-large'
  | 'unreachable'
  | 'nothing-chosen'
  | 'import-unknown'
  | 'import-ended'
  | 'not-now';

/** Why nothing was learned of a package, or a key was not taken; nothing has changed. */
export interface SignatureError {
  code: SignatureErrorCode;
  message: string;
}

/** Ends an import of a repository, of which then nothing is kept. */
export class ImportRefused extends Error {
  override name = 'ImportRefused';
  readonly code: SignatureErrorCode;

  constructor(code: SignatureErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A file without end costs no more than what the index announced, or what such a file may have. */
export const tooLong = (path: string, mostBytes: number): ImportRefused =>
  new ImportRefused(
    'too-large',
    `${path} is longer than ${mostBytes} bytes, which is what was announced or the most that such a file has: it is not read further`,
  );
