/** What is wrong in a file that somebody wrote, and where. Lines and columns count from 1. */
export interface DocumentError {
  message: string;
  file: string;
  line: number;
  column: number;
}

export interface Position {
  line: number;
  column: number;
}

/** `policy.yaml:12:7: unknown key "wehn" ...`: the form that editors and terminals make a link of. */
export const formatDocumentError = (error: DocumentError): string =>
  `${error.file}:${error.line}:${error.column}: ${error.message}`;

/** By place, so that a person can go through a file from top to bottom. */
export const byPosition = (a: Partial<Position>, b: Partial<Position>): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
