import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeScan } from '../scan/scan-files.ts';
import { type Executor, report } from './executor.ts';

/** Digests that the next scan need not make again. */
const scanCacheIn = (stateDir: string): string => join(stateDir, 'scan-cache');

export const scansIn = (stateDir: string): string => join(stateDir, 'scans');

/** Leaves the tree on the disk, for the link to upload; `facts.scan` says where. */
export const scanRun: Executor<'scan/run'> = async ({ profile }, context) => {
  const scan = randomUUID();
  const directory = join(scansIn(context.stateDir), scan);
  try {
    const file = await writeScan(directory, scan, {
      profile,
      root: context.root,
      clock: context.clock,
      cache: scanCacheIn(context.stateDir),
      signal: context.signal,
    });
    const { softwareRoot, configRoot, nodes, bytes, bytesRead, coverage } = file;
    const tookMs = file.finishedMs - file.startedMs;
    return report(`scanned under ${profile.name} in ${tookMs} ms: ${nodes} nodes`, {
      scan,
      softwareRoot,
      configRoot,
      nodes,
      bytes,
      bytesRead,
      coverage,
      tookMs,
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
};
