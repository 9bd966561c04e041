import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotConformance } from '@tidemark/agent/platform/snapshot.conformance.ts';
import { createCopySnapshots } from '@tidemark/agent/platform/snapshot-copy.ts';

snapshotConformance('copy', () => {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-copy-'));
  const copies = join(base, 'copies');
  return {
    snapshots: createCopySnapshots(copies),
    makeDirectory(name) {
      const path = join(base, 'data', name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    // One that holds nothing is not there any more.
    count: () => readdirSync(copies).filter(name => readdirSync(join(copies, name)).length > 0).length,
    close: () => rmSync(base, { recursive: true, force: true }),
  };
});
