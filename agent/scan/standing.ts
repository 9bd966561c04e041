import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';

/** Of a file: whether it runs, and which half of the scan it belongs to. */
export interface Standing {
  executable: boolean;
  plane: Plane;
}

const X_BITS = 0o111;

/**
 * `runs` is what its first bytes say: then it is software wherever it lies. An x bit alone makes a program of what lies
 * where software is expected (`usual`); among configuration it is a mode like any other.
 */
export function standingOf(runs: boolean, mode: number, usual: Plane): Standing {
  const executable = runs || (usual === 'software' && (mode & X_BITS) !== 0);
  return { executable, plane: executable ? 'software' : usual };
}
