import { createReadStream, mkdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { openScan } from '@tidemark/agent/scan/scan-files.ts';
import { harvestDeb } from '@tidemark/controller/harvest/deb.ts';
import { encodeFileList } from '@tidemark/controller/harvest/file-list.ts';
import { DEFAULT_LIMITS } from '@tidemark/controller/harvest/limits.ts';
import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import { createIdentification, type HostIdentification } from '@tidemark/controller/identification/service.ts';
import { createIdentificationStore } from '@tidemark/controller/store/identification.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { childrenOf, decodeNode, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost } from '../support/fingerprint-server.ts';
import { keepTrees } from '../support/injected-patches.ts';
import { AGENT_STATE, runStep } from './agent.ts';
import { ensureBase } from './base.ts';
import type { Host } from './host.ts';
import { downloadInstalled, installedIn, rebuildOlder } from './installed-packages.ts';
import { Lab } from './lab.ts';

/*
 * Real packages on a real server: the library has every .deb that it was installed from, and of some a second version, and what
 * the agent's scan found must be told to be exactly what dpkg says.
 */

/** Packages that get a second version, and are put back to it. */
const OLDER = 24;

const openStore = testStores();
let lab: Lab;
let store: Awaited<ReturnType<typeof openStore>>;
let identification: ReturnType<typeof createIdentification>;
let told: RegisteredPackages | null = null;
const older: { name: string; file: string; version: string }[] = [];

beforeAll(async () => {
  const base = await ensureBase();
  const debs = await downloadInstalled(base, line => process.stderr.write(`${line}\n`));
  lab = await Lab.start({ names: ['srv'] });
  store = await openStore();
  identification = createIdentification({
    store: createIdentificationStore(store),
    facts: { registered: async () => told, registeredAs: async () => new Map(), running: async () => null },
    peersOf: async () => [],
  });
  for (const deb of debs) await learnDeb(deb);
  const directory = lab.first.path('/var/tmp/older');
  mkdirSync(directory, { recursive: true });
  const essential = new Set((await installedIn(base.tree)).filter(each => each.essential).map(({ name }) => name));
  const candidates = debs
    .filter(deb => !essential.has(basename(deb).split('_')[0] ?? ''))
    .sort((a, b) => statSync(a).size - statSync(b).size);
  for (const deb of candidates) {
    if (older.length === OLDER) break;
    const name = basename(deb).split('_')[0] ?? '';
    const rebuilt = await rebuildOlder(deb, directory);
    if (rebuilt === null) continue;
    await learnDeb(rebuilt.file);
    older.push({ name, ...rebuilt });
  }
}, 1_200_000);
afterAll(() => lab?.down());

async function learnDeb(file: string): Promise<void> {
  const read = (from = 0) => createReadStream(file, { start: from });
  const at = async () => Promise.reject(new Error('a .deb is read from its beginning to its end'));
  const { files, ...found } = await harvestDeb(
    { name: basename(file), bytes: statSync(file).size, read, at },
    DEFAULT_LIMITS,
  );
  await signatureStore(store).transaction(transaction =>
    transaction.add(
      {
        ...found,
        package: { digest: digestOf(Buffer.from(file)), bytes: statSync(file).size },
        installedBytes: files.reduce((sum, { size }) => sum + size, 0),
        attestations: [{ tier: 'repository', by: 'lab', via: '', evidence: '' }],
        importedBy: 'lab',
        importedAt: 1,
      },
      encodeFileList(files),
      files,
    ),
  );
}

let scans = 0;
/** Scans a host as its agent does, and says what is on it. */
async function identify(host: Host): Promise<HostIdentification> {
  const end = await runStep(host, { kind: 'scan/run', args: { profile: LINUX_SERVER } }, { timeoutMs: 400_000 });
  if (end.outcome !== 'succeeded') throw new Error(end.message);
  const stored = openScan(host.path(`${AGENT_STATE}/scans/${end.facts?.['scan']}`));
  if (!stored.ok) throw new Error(stored.error);
  const roots = {
    software: Buffer.from(stored.value.file.softwareRoot, 'hex'),
    config: Buffer.from(stored.value.file.configRoot, 'hex'),
  };
  const nodes = new Map<string, { id: Buffer; data: Buffer }>();
  const waiting: Buffer[] = [roots.software, roots.config];
  for (let id = waiting.pop(); id; id = waiting.pop()) {
    if (nodes.has(nodeKey(id))) continue;
    const node = stored.value.node(id);
    if (!node) throw new Error('the scan lacks a node');
    nodes.set(nodeKey(id), node);
    const decoded = decodeNode(node.data);
    if (decoded.ok) waiting.push(...childrenOf(decoded.value).map(child => child.id));
  }
  const fingerprint = await keepTrees(store, await addHost(store, `srv-${++scans}`), {
    roots,
    nodes: [...nodes.values()],
  });
  const installed = await installedIn(host.path('/'));
  told = {
    manager: 'apt',
    installed: new Map(installed.map(({ name, version }) => [name, version])),
    architecture: process.arch,
    truncated: false,
  };
  const found = await identification.identify(fingerprint, []);
  if (!found) throw new Error('the fingerprint is there');
  return found;
}

/** Of no package: the agent itself, and what the lab makes executable on its hosts. */
const OF_THE_LAB = [
  ...['/etc/hostname', '/etc/resolv.conf'],
  ...['/opt/tidemark-agent/bin/node', '/opt/tidemark-agent/bin/tidemark-agent'],
];

/** Everything that is said beside "complete, in the version that dpkg says". */
const besides = ({ products, unknown, strays }: HostIdentification): string[] => [
  ...products.flatMap(({ product, state, versions, registered, sentence, unregistered }) =>
    state === 'complete' && !unregistered && versions.some(({ version }) => version === registered)
      ? []
      : [`${product} ${state}: ${sentence}`],
  ),
  ...unknown.map(({ name, version }) => `unknown: ${name} ${version}`),
  ...strays.flatMap(({ path }) => (OF_THE_LAB.includes(path) ? [] : [`stray: ${path}`])),
];

/** Bytes that run and are explained by nothing, without those that are named. */
const unexplained = ({ programs, strays }: HostIdentification): number =>
  programs.bytes -
  Object.values(programs.explained).reduce((sum, bytes) => sum + bytes, 0) -
  strays.reduce((sum, { bytes }) => sum + bytes, 0);

it('explains a fresh server by its packages alone', async () => {
  const found = await identify(lab.first);
  expect(besides(found)).toEqual([]);
  expect(found.products.length).toBe(told?.installed.size);
  expect(unexplained(found)).toBe(0);
}, 900_000);

it(`tells the true one of two versions of ${OLDER} packages, and calls nothing modified`, async () => {
  expect(older.length).toBe(OLDER);
  const host = lab.first;
  const files = older.map(({ file }) => `/var/tmp/older/${basename(file)}`);
  await host.execOk(['dpkg', '--force-downgrade', '--force-confold', '-i', ...files]);
  const found = await identify(host);
  expect(besides(found)).toEqual([]);
  for (const { name, version } of older) {
    const [one] = found.products.filter(({ product }) => product === name);
    expect(
      one?.versions.map(each => each.version),
      name,
    ).toEqual([version]);
  }
  expect(unexplained(found)).toBe(0);
}, 900_000);

it('names each file that was put back, taken away, changed or left over, and no other', async () => {
  const host = lab.first;
  await host.execOk([
    'sh',
    '-ec',
    'cp -p /usr/sbin/cron /usr/sbin/new; printf x >> /usr/sbin/new; mv /usr/sbin/new /usr/sbin/cron; rm /usr/bin/crontab; echo "# mine" >> /etc/crontab; echo "# mine" >> /etc/init.d/cron',
  ]);
  host.write('/usr/local/bin/backdoor', '#!/bin/sh\n', 0o755);
  const found = await identify(host);
  const cron = found.products.find(({ product }) => product === 'cron');
  expect(cron?.exceptions.map(({ fate, path }) => `${fate} ${path}`).sort()).toEqual([
    'missing /usr/bin/crontab',
    'modified /usr/sbin/cron',
  ]);
  expect(besides(found).filter(text => !text.startsWith('cron '))).toEqual(['stray: /usr/local/bin/backdoor']);
  expect(found.edited).toEqual(['/etc/crontab', '/etc/init.d/cron']);
}, 900_000);
