import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isNoSpace } from '../platform/file-system.ts';
import { writeScan } from '../scan/scan-files.ts';
import type { Progress } from '../scan/scan-tree.ts';
import { loadSecretKey } from '../scan/secret-key.ts';
import { type Executor, report } from './executor.ts';

export const scansIn = (stateDir: string): string => join(stateDir, 'scans');

/** Digests that the next scan need not make again. */
const scanCacheIn = (stateDir: string): string => join(stateDir, 'scan-cache');

/** Leaves the tree on the disk, for the link to upload; `facts.scan` says where. */
export const scanRun: Executor<'scan/run'> = async ({ profile, budget = {} }, context) => {
  const scan = randomUUID();
  const directory = join(scansIn(context.stateDir), scan);
  const key = (profile.secret ?? []).length > 0 ? loadSecretKey(context.stateDir) : null;
  try {
    const file = await writeScan(directory, scan, {
      profile,
      root: context.root,
      clock: context.clock,
      key,
      audits: context.audits ?? [],
      budget: {
        ...(budget.cpuShare === undefined ? {} : { cpuShare: budget.cpuShare }),
        ...(budget.bytesPerSecond === undefined ? {} : { bytesPerSecond: budget.bytesPerSecond }),
      },
      cache: scanCacheIn(context.stateDir),
      signal: context.signal,
      progress: progress => context.output(Buffer.from(`${sentence(progress)}\n`)),
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
      // Of this process, which does nothing but scan; Linux counts in KiB.
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    if (!isNoSpace(error)) throw error;
    const where = scansIn(context.stateDir);
    throw new Error(`no space for the scan in ${where}: make room there and scan again; nothing of it was kept`);
  }
};

const sentence = ({ files, bytesRead }: Progress): string =>
  `${files} files so far, ${Math.round(bytesRead / 1e6)} MB read`;
