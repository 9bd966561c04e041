import { showBytes, spaceAt } from './file-system.ts';
import { RESERVE_BYTES, SnapshotProblem } from './snapshot.ts';

/** Throws where `bytes` and the reserve do not fit on the file system of `at`. `what` begins the sentence's object. */
export function needSpace(what: string, bytes: number, at: string): void {
  if (spaceAt(at).freeBytes < bytes + RESERVE_BYTES) throw noSpace(what, bytes, at);
}

export function noSpace(what: string, bytes: number, at: string): SnapshotProblem {
  const { mount, freeBytes } = spaceAt(at);
  const missing = Math.max(0, bytes + RESERVE_BYTES - freeBytes);
  return new SnapshotProblem(
    `no space for ${what} on ${mount}: it takes ${showBytes(bytes)} and ${showBytes(RESERVE_BYTES)} must stay free; ` +
      `${freeBytes} bytes are free, ${missing} bytes are missing; free some and try again`,
  );
}
