import type { DocumentError } from '../documents/errors.ts';

export type BundleErrorCode =
  | 'bad-name'
  | 'bad-archive'
  | 'no-space'
  | 'release-differs'
  | 'release-unknown'
  | 'bundle-exists'
  | 'bundle-invalid'
  | 'bundle-unknown'
  | 'already-promoted'
  | 'bundle-frozen'
  | 'promotion-not-now'
  | 'ring-unknown'
  | 'rings-invalid'
  | 'ring-in-use'
  | 'sign-off-invalid';

/** Why a release or a bundle was not taken; nothing has changed. */
export interface BundleError {
  code: BundleErrorCode;
  message: string;
  /** Where in a file that somebody sent. */
  details?: DocumentError[];
}
