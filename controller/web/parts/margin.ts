import type { RunMatrix } from '@tidemark/controller/api/contract/run-matrix.ts';

/** From the end that is expected to the end of the window without its reserve, in milliseconds; null where none is expected. */
export function marginOf({ expectedEndAt, window }: Pick<RunMatrix, 'expectedEndAt' | 'window'>): number | null {
  if (expectedEndAt === null) return null;
  return Date.parse(window.end) - window.reserveMs - Date.parse(expectedEndAt);
}
