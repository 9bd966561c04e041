import type { EncodedNode } from '@tidemark/shared/fingerprint/node.ts';
import { type ScanOptions, type ScanResult, scanInto } from './scan-tree.ts';

export { listFiles } from './list-files.ts';
export { openScan, writeScan } from './scan-files.ts';

/** A scan in memory, by this thread alone. For servers use {@link writeScan}. */
export function scanTree(options: ScanOptions): ScanResult & { nodes: EncodedNode[] } {
  const nodes: EncodedNode[] = [];
  return { ...scanInto(options, node => nodes.push(node)), nodes };
}
