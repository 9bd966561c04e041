import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotConformance } from '@tidemark/agent/platform/snapshot.conformance.ts';
import { createCopySnapshots } from '@tidemark/agent/platform/snapshot-copy.ts';
import { pruningConformance } from '@tidemark/agent/steps/snapshot-pruning.conformance.ts';
import { programOf } from '../support/built-programs.ts';
import { stepProcesses } from '../support/step-processes.ts';

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

/** From before its first line to after its last, more often while it works. */
const CUTS = [50, 200, 250, 300, 500];

pruningConformance(
  'copy',
  () => {
    const base = mkdtempSync(join(tmpdir(), 'tidemark-prune-'));
    const [stateDir, shop] = [join(base, 'state'), join(base, 'shop')];
    mkdirSync(shop);
    for (let file = 0; file < 200; file++) writeFileSync(join(shop, `${file}`), 'x'.repeat(10_000));
    const copies = join(stateDir, 'snapshots/copies');
    return {
      ...stepProcesses([process.execPath, programOf('agent')], stateDir),
      create: (name, expiresAt) => ({
        method: 'copy',
        name,
        paths: [shop],
        ...(expiresAt !== undefined && { expiresAt }),
      }),
      revert: name => ({ name, paths: [shop], whenWritten: 'ask' }),
      count: () => (existsSync(copies) ? readdirSync(copies).length : 0),
      write: text => writeFileSync(join(shop, 'text'), text),
      read: () => readFileSync(join(shop, 'text'), 'utf8'),
      state: file => join(stateDir, file),
      close: () => rmSync(base, { recursive: true, force: true }),
    };
  },
  CUTS,
);
