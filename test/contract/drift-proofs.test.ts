import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { writeScan } from '@tidemark/agent/scan/scan.ts';
import { fingerprints, nodes } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { testStores } from '../support/database.ts';
import { addHost, type FingerprintServer, startFingerprintServer } from '../support/fingerprint-server.ts';
import { growTree, type Listed, listByTools, mutate, seeded } from '../support/mutated-trees.ts';
import { verificationOf } from '../support/patched-hosts.ts';

/*
 * From files to a report, by way of the agent's upload, the controller and its database: the report says what find, stat and
 * sha256sum say. And what becomes of an upload whose agent is killed.
 */

const freshStore = testStores();
const PROFILE: ScanProfile = {
  name: 'everything',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};
const ENTRIES = 120;
const CHANGES = 40;

let store: Store;
let server: FingerprintServer;
let hostId: string;
let base: string;

beforeEach(async () => {
  store = await freshStore();
  server = await startFingerprintServer(createVerificationStore(store));
  hostId = await addHost(store, 'db01');
  base = mkdtempSync(join(tmpdir(), 'tm-proof-'));
});

afterEach(() => {
  server.stop();
  rmSync(base, { recursive: true, force: true });
});

async function scanned(root: string): Promise<{ scan: string; directory: string }> {
  const scan = randomUUID();
  const directory = join(base, scan);
  await writeScan(directory, scan, { profile: PROFILE, root });
  return { scan, directory };
}

/** Paths, as reports write them, at which two listings differ; what a directory itself is shows in what is in it. */
function differing(before: ReadonlyMap<string, Listed>, after: ReadonlyMap<string, Listed>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths]
    .filter(path => {
      const [was, is] = [before.get(path), after.get(path)];
      if (was && is) return was.content !== is.content || was.meta !== is.meta;
      return !(was ?? is)?.content.startsWith('d');
    })
    .map(path => pathText(Buffer.from(`/${path}`, 'latin1')))
    .sort();
}

describe('a report', () => {
  it.each([11, 12, 13])('names exactly the paths at which plain tools see a difference: seed %i', async seed => {
    const root = join(base, 'tree');
    growTree(root, seeded(seed), ENTRIES);
    const before = listByTools(root);
    const send = async () => {
      const uploaded = await uploadScan({ client: server.clientOf(hostId), ...(await scanned(root)) });
      expect(uploaded).toMatchObject({ ok: true });
    };
    await send();
    const random = seeded(seed + 1_000);
    for (let change = 0; change < CHANGES; change++) mutate(root, random);
    const after = listByTools(root);
    await send();
    const verification = verificationOf(store);
    const [, first] = (await verification.fingerprints('db01')) ?? [];
    const report = await verification.compare(`db01@${first?.id}`, 'db01', { plane: 'all', excludingPatches: false });
    if (!report.ok) throw new Error(report.error.message);
    const entries = report.value.groups.flatMap(group => group.entries);
    const named = entries.flatMap(({ path, note }) =>
      note.startsWith('moved from ') ? [path, note.slice('moved from '.length)] : [path],
    );
    expect(named.filter(path => path !== '/').sort()).toEqual(differing(before, after));
  });
});

describe('an agent that is killed in the middle of an upload', () => {
  const PROCESS = fileURLToPath(new URL('../support/upload-process.ts', import.meta.url));

  it('leaves no fingerprint behind, and the next attempt sends only what has not arrived', async () => {
    const root = join(base, 'tree');
    for (let at = 0; at < 200; at++) {
      mkdirSync(join(root, `${at}`), { recursive: true });
      for (let file = 0; file < 15; file++) writeFileSync(join(root, `${at}`, `${file}`), `${at} ${file}`);
    }
    const { scan, directory } = await scanned(root);
    let child: ChildProcess | null = null;
    const proxy = await startCountingProxy(server.port, bytes => {
      // After the first batch of nodes, of some.
      if (bytes > 100_000) child?.kill('SIGKILL');
    });
    child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      PROCESS,
      `${proxy.port}`,
      hostId,
      directory,
      scan,
    ]);
    const signal = await new Promise(resolve => child?.on('exit', (_code, by) => resolve(by)));
    proxy.stop();
    expect(signal).toBe('SIGKILL');
    expect(await store.db.select().from(fingerprints)).toEqual([]);
    // What had arrived is stored a moment later.
    const arrived = async () => (await store.db.select({ id: nodes.id }).from(nodes)).length;
    await expect.poll(arrived).toBeGreaterThan(0);
    const again = await uploadScan({ client: server.clientOf(hostId), directory, scan });
    if (!again.ok) throw new Error(again.error.message);
    expect(await store.db.select().from(fingerprints)).toHaveLength(1);
    expect(again.value.nodes).toBeLessThan(await arrived());
  });
});
