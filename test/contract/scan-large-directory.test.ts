import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { writeScan } from '@tidemark/agent/scan/scan.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost, startFingerprintServer } from '../support/fingerprint-server.ts';

const freshStore = testStores();
const PROFILE: ScanProfile = {
  name: 'large',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};
/** Nothing in the tree counts as just touched. */
const AHEAD = { now: () => Date.now() + 10_000, monotonic: () => performance.now() };

/** A busy disk takes minutes to remove 100,000 files, however quickly they are scanned. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(MEMORY, 'tm-large-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Scans one directory of so many files, changes one, scans again, sends both and compares; gives what each part took. */
async function throughAll(count: number) {
  const store = await freshStore();
  const verification = createVerificationStore(store);
  const server = await startFingerprintServer(verification);
  const root = join(base, `root-${count}`);
  mkdirSync(join(root, 'all'), { recursive: true });
  for (let index = 0; index < count; index++) writeFileSync(join(root, 'all', `entry-${index}`), `${index}`);
  const took: Record<string, number> = {};
  const measured = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const before = processorMs();
    const done = await work();
    took[what] = processorMs() - before;
    return done;
  };
  const scan = async (what: string) => {
    const name = randomUUID();
    const directory = join(base, name);
    const options = { profile: PROFILE, root, cache: join(base, `cache-${count}`), clock: AHEAD };
    return { name, directory, file: await measured(what, () => writeScan(directory, name, options)) };
  };
  try {
    const client = server.clientOf(await addHost(store, `host-${count}`));
    const send = async (what: string, { name, directory }: { name: string; directory: string }) => {
      const sent = await measured(what, () => uploadScan({ client, directory, scan: name }));
      if (!sent.ok) throw new Error(sent.error.message);
      return sent.value;
    };
    const first = await scan('first scan');
    await send('upload', first);
    appendFileSync(join(root, 'all/entry-7'), 'changed');
    const second = await scan('second scan');
    const sent = await send('upload of one change', second);
    const [before, after] = [first, second].map(({ file }) => Buffer.from(file.softwareRoot, 'hex')) as [
      Buffer,
      Buffer,
    ];
    const changes = await measured('compare', () => listChanges('software', before, after, verification.load));
    return { took, bytesRead: second.file.bytesRead, sent, changes: changes.map(({ path }) => pathText(path)) };
  } finally {
    server.stop();
  }
}

const FEW = 25_000;
const MANY = 100_000;

it('a directory of 100,000 entries takes time by their number, and one change of it little', async () => {
  const few = await throughAll(FEW);
  const many = await throughAll(MANY);
  expect(many.changes).toEqual(['/all/entry-7']);
  // One that is read again since its time has come may be among them.
  expect(many.bytesRead).toBeLessThan(1_000);
  expect(many.sent.bytes).toBeLessThan(64 * 1024);
  // Four times as many; what grows with their square would take sixteen times as long.
  const sum = (took: Record<string, number>) => Object.values(took).reduce((total, ms) => total + ms, 0);
  expect(sum(many.took) / sum(few.took), JSON.stringify([few.took, many.took])).toBeLessThan(8);
  for (const what of ['upload of one change', 'compare']) expect(many.took[what], what).toBeLessThan(1_000);
});
