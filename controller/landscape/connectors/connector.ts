import type { Result } from '@tidemark/shared/base/result.ts';
import type { Conflict } from '../conflicts.ts';
import type { LandscapeRecords } from '../records.ts';

/** Why nothing came of reading a source. Nothing of it is used then. */
export interface ConnectorError {
  code: 'source-not-there' | 'source-denied' | 'source-answer' | 'source-late' | 'source-too-large';
  /** What happened, to what, and what to do. Holds no secret. */
  message: string;
}

/** All that a source has now; entries that fit no section are problems, not an end. */
export interface Gathered {
  records: LandscapeRecords;
  problems: Conflict[];
}

/** Reads all of a source, whatever it is. Every implementation passes the suite in `testing/connector-suite.ts`. */
export interface Connector {
  read(signal: AbortSignal): Promise<Result<Gathered, ConnectorError>>;
}

/** Thrown inside connectors; whoever calls them gets a result. */
export class SourceProblem extends Error {
  override name = 'SourceProblem';
  readonly code: ConnectorError['code'];
  constructor(code: ConnectorError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
