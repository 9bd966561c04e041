import type { DocumentError } from '../documents/errors.ts';
import type { Conflict } from './conflicts.ts';
import type { ConnectorError } from './connectors/connector.ts';

/** Why a landscape was not taken, or something of it not done. `details` has every place that has to be corrected. */
export interface LandscapeError {
  code:
    | 'landscape-invalid'
    | 'landscape-conflicts'
    | 'landscape-drop'
    | 'landscape-empty'
    | 'version-unknown'
    | 'source-unknown'
    | 'source-invalid'
    | 'suggestion-unknown'
    | 'suggestion-open'
    | ConnectorError['code'];
  message: string;
  details?: { message: string; file?: string; line?: number; column?: number }[];
}

export const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

export function invalidLandscape(fileName: string, details: DocumentError[]): LandscapeError {
  return {
    code: 'landscape-invalid',
    message: `${fileName} has ${counted(details.length, 'error')}; nothing of it was imported`,
    details,
  };
}

/** More are no help: the first ones show what kind of mistake it is. */
const MOST_TOLD = 50;

export function inConflict(what: string, conflicts: readonly Conflict[]): LandscapeError {
  const told = conflicts.slice(0, MOST_TOLD).map(({ message, origins }) => ({ message, ...placeOf(origins[0] ?? '') }));
  const rest = conflicts.length - told.length;
  return {
    code: 'landscape-conflicts',
    message: `${what} has ${counted(conflicts.length, 'conflict')}; nothing of it was imported. Correct them, or import what is not in conflict with --leave-out`,
    details: [...told, ...(rest > 0 ? [{ message: `and ${rest} more` }] : [])],
  };
}

/** `hosts.csv:12` is a place in a file; other origins are named in the message. */
function placeOf(origin: string): { file?: string; line?: number; column?: number } {
  const [, file, line] = /^(.+):(\d+)$/.exec(origin) ?? [];
  return file === undefined ? {} : { file, line: Number(line), column: 1 };
}
