export type BundleErrorCode =
  | 'bad-name'
  | 'bad-archive'
  | 'no-space'
  | 'release-differs'
  | 'release-unknown'
  | 'bundle-exists'
  | 'bundle-invalid'
  | 'bundle-unknown'
  | 'already-promoted';

/** Why a release or a bundle was not taken; nothing has changed. */
export interface BundleError {
  code: BundleErrorCode;
  message: string;
}
