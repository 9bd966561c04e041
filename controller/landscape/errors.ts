import type { DocumentError } from '../documents/errors.ts';

/** Why a landscape was not taken. `details` has every place in the file that has to be corrected. */
export interface LandscapeError {
  code: 'landscape-invalid';
  message: string;
  details: DocumentError[];
}

export function invalidLandscape(fileName: string, details: DocumentError[]): LandscapeError {
  const count = details.length === 1 ? '1 error' : `${details.length} errors`;
  return {
    code: 'landscape-invalid',
    message: `${fileName} has ${count}; nothing of it was imported`,
    details,
  };
}
