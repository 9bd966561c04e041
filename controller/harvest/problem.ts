export type HarvestCode =
  /** Ends before it should. */
  | 'truncated'
  /** Is not what it says it is, or contradicts itself. */
  | 'not-sound'
  | 'checksum'
  /** Not signed, or not by a key that is trusted. */
  | 'signature'
  | 'too-large'
  | 'too-many'
  | 'ratio'
  | 'too-deep'
  | 'bad-path'
  | 'bad-kind'
  | 'link-out'
  | 'duplicate'
  /** Nothing that is known here, or a kind of it that is not. */
  | 'unknown-format';

/** Why nothing is learned of a package. The message says what is wrong with which part of it. */
export class HarvestProblem extends Error {
  override name = 'HarvestProblem';
  readonly code: HarvestCode;

  constructor(code: HarvestCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A name out of a package for a message: escaped, and not longer than a line. */
export const shown = (name: string): string => JSON.stringify(Buffer.from(name.slice(0, 200), 'latin1').toString());
