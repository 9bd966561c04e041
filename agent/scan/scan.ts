import type { EncodedNode } from '@tidemark/shared/fingerprint/node.ts';
import { type ScanOptions, type ScanResult, scanInto } from './scan-tree.ts';

export { listFiles } from './list-files.ts';
export { openScan, writeScan } from './scan-files.ts';

/** A scan in memory. For servers use {@link writeScan}, which holds one directory a level and not all nodes. */
export function scanTree(options: ScanOptions): ScanResult & { nodes: EncodedNode[] } {
  const nodes: EncodedNode[] = [];
  return { ...scanInto(options, node => nodes.push(node)), nodes };
}
