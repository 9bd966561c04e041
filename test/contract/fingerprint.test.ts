import { randomUUID } from 'node:crypto';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { writeScan } from '@tidemark/agent/scan/scan.ts';
import { openScan } from '@tidemark/agent/scan/scan-files.ts';
import { fingerprints, nodes, unfinishedNodes } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { createUpload } from '@tidemark/controller/verification/upload.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import { profileBytes, profileDigest } from '@tidemark/shared/fingerprint/profile.ts';
import type { Roots, UploadMessage, UploadReply } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import {
  addHost,
  type FingerprintServer,
  scanAndUpload,
  startFingerprintServer,
} from '../support/fingerprint-server.ts';
import { APPLICATION_PROFILE, type ServerTree, serverTree } from '../support/scan-tree.ts';

const freshStore = testStores();

let store: Store;
let server: FingerprintServer;
let hostId: string;
const trees: ServerTree[] = [];

const tree = (extra: Record<string, string> = {}): ServerTree => {
  const files: Record<string, string> = { '/etc/app/app.conf': 'port=1' };
  for (let index = 0; index < 600; index++) files[`/opt/x/lib/module-${index}.js`] = `module ${index}`;
  for (let index = 0; index < 40; index++) files[`/opt/x/parts/${index}/index.js`] = `#!/usr/bin/node\n${index}`;
  const made = serverTree({ ...files, ...extra });
  trees.push(made);
  return made;
};

beforeEach(async () => {
  store = await freshStore();
  server = await startFingerprintServer(createVerificationStore(store));
  hostId = await addHost(store, 'db01');
});

afterEach(() => {
  server.stop();
  for (const made of trees.splice(0)) made.destroy();
});

const counts = async () => ({
  nodes: (await store.db.select({ id: nodes.id }).from(nodes)).length,
  unfinished: (await store.db.select({ id: unfinishedNodes.id }).from(unfinishedNodes)).length,
  fingerprints: (await store.db.select({ id: fingerprints.id }).from(fingerprints)).length,
});

describe('an upload', () => {
  it('stores every node of a first scan and the fingerprint', async () => {
    const { file, uploaded } = await scanAndUpload(server, hostId, tree());
    expect(uploaded).toEqual({ alreadyKnown: false, nodes: file.nodes, bytes: file.bytes });
    expect(await counts()).toEqual({ nodes: file.nodes, unfinished: 0, fingerprints: 1 });
    const [row] = await createVerificationStore(store).fingerprints(hostId, 1);
    expect(row?.softwareRoot.toString('hex')).toBe(file.softwareRoot);
    expect(row?.coverage).toMatchObject({ files: 641, ignored: [{ rule: '/opt/*/logs', count: 0 }] });
  });

  it('sends nothing for a second host that has the same files', async () => {
    await scanAndUpload(server, hostId, tree());
    const { uploaded } = await scanAndUpload(server, await addHost(store, 'db02'), tree());
    expect(uploaded).toMatchObject({ nodes: 0 });
    expect((await counts()).fingerprints).toBe(2);
  });

  it('sends a node a level where one file changed', async () => {
    const same = tree();
    await scanAndUpload(server, hostId, same);
    same.write('/opt/x/parts/7/index.js', '#!/bin/sh');
    const { uploaded } = await scanAndUpload(server, hostId, same);
    // root, /, opt, x, parts, 7
    expect(uploaded.nodes).toBe(6);
    expect((await counts()).unfinished).toBe(0);
  });

  it('is known when it is sent a second time', async () => {
    const { scan, directory } = await scanAndUpload(server, hostId, tree());
    const again = await uploadScan({ client: server.clientOf(hostId), directory, scan });
    expect(again).toEqual({ ok: true, value: { alreadyKnown: true, nodes: 0, bytes: 0 } });
    expect((await counts()).fingerprints).toBe(1);
  });

  it('goes on where an earlier one broke off', async () => {
    const same = tree();
    const scan = randomUUID();
    const directory = same.directory(scan);
    const file = await writeScan(directory, scan, { profile: APPLICATION_PROFILE, root: same.root });
    // An agent that is killed after its second batch.
    const sent = await talk(directory, { messages: 3 });
    expect(sent.nodes).toBeGreaterThan(0);
    expect((await counts()).fingerprints).toBe(0);
    const uploaded = await uploadScan({ client: server.clientOf(hostId), directory, scan });
    expect(uploaded).toMatchObject({ ok: true, value: { nodes: file.nodes - sent.nodes } });
    expect(await counts()).toEqual({ nodes: file.nodes, unfinished: 0, fingerprints: 1 });
  });

  it('says that a later attempt may work where the controller is away', async () => {
    const same = tree();
    const client = server.clientOf(hostId);
    await writeScan(same.directory('x'), 'x', { profile: APPLICATION_PROFILE, root: same.root });
    server.shutDown();
    const uploaded = await uploadScan({ client, directory: same.directory('x'), scan: 'x' });
    expect(uploaded).toMatchObject({ ok: false, error: { again: true } });
  });

  it('of two hosts at once with the same nodes is stored once', async () => {
    const others = await Promise.all(['db02', 'db03', 'db04'].map(name => addHost(store, name)));
    const results = await Promise.all([hostId, ...others].map(id => scanAndUpload(server, id, tree())));
    expect(await counts()).toMatchObject({ nodes: results[0]?.file.nodes, unfinished: 0, fingerprints: 4 });
  });
});

describe('what is refused', () => {
  const refusal = async (spoil: (message: UploadMessage) => UploadMessage[]) => {
    const same = tree();
    const scan = randomUUID();
    await writeScan(same.directory(scan), scan, { profile: APPLICATION_PROFILE, root: same.root });
    const { error } = await talk(same.directory(scan), { spoil });
    expect((await counts()).fingerprints).toBe(0);
    return error;
  };

  it('a node that was altered on the way', async () => {
    const error = await refusal(message => {
      const [node] = message.body?.$case === 'nodes' ? message.body.value.nodes : [];
      if (node) node.data[node.data.length - 1] = (node.data.at(-1) ?? 0) ^ 1;
      return [message];
    });
    expect(error).toContain('node-id-wrong');
  });

  it('a node that nobody asked for', async () => {
    const extra = { id: Buffer.alloc(32, 7), data: Buffer.from('x') };
    const error = await refusal(message =>
      message.body?.$case === 'nodes' ? [{ body: { $case: 'nodes', value: { nodes: [extra] } } }] : [message],
    );
    expect(error).toContain('node-not-wanted');
  });

  it('a commit while nodes are missing', async () => {
    const error = await refusal(message =>
      message.body?.$case === 'nodes' ? [{ body: { $case: 'commit', value: {} } }] : [message],
    );
    expect(error).toContain('nodes-missing');
  });

  it('nodes before the roots', async () => {
    const error = await refusal(message =>
      message.body?.$case === 'roots' ? [{ body: { $case: 'nodes', value: { nodes: [] } } }] : [message],
    );
    expect(error).toContain('out-of-turn');
  });

  it('a profile that is not what its digest says', async () => {
    const error = await refusal(message => {
      if (message.body?.$case === 'roots') message.body.value.profileDigest = Buffer.alloc(32);
      return [message];
    });
    expect(error).toContain('scan-invalid');
  });

  it('a tree of one plane as that of the other', async () => {
    const error = await refusal(message => {
      if (message.body?.$case === 'roots') message.body.value.configRoot = message.body.value.softwareRoot;
      return [message];
    });
    expect(error).toContain('node-misplaced');
  });

  it('other trees under the name of a scan that is stored', async () => {
    const same = tree();
    const { scan } = await scanAndUpload(server, hostId, same);
    same.write('/opt/x/new', 'x');
    await writeScan(same.directory('second'), scan, { profile: APPLICATION_PROFILE, root: same.root });
    const uploaded = await uploadScan({ client: server.clientOf(hostId), directory: same.directory('second'), scan });
    expect(uploaded).toMatchObject({ ok: false, error: { again: false } });
  });
});

describe('the store', () => {
  it('follows what an unfinished upload left instead of taking it for whole', async () => {
    const same = tree();
    const scan = randomUUID();
    await writeScan(same.directory(scan), scan, { profile: APPLICATION_PROFILE, root: same.root });
    const opened = openScan(same.directory(scan));
    if (!opened.ok) throw new Error(opened.error);
    const root = opened.value.node(Buffer.from(opened.value.file.softwareRoot, 'hex'));
    opened.value.close();
    if (!root) throw new Error('no root');
    const uploads = createVerificationStore(store);
    await uploads.addNodes([root]);
    const roots: Roots = {
      scan,
      profileDigest: Buffer.from(profileDigest(APPLICATION_PROFILE).slice(7), 'hex'),
      profile: profileBytes(APPLICATION_PROFILE),
      softwareRoot: root.id,
      configRoot: Buffer.alloc(32, 1),
      startedMs: 1,
      finishedMs: 2,
      coverage: JSON.stringify(emptyCoverage()),
      coverageDigest: sha256(Buffer.from(JSON.stringify(emptyCoverage()))),
    };
    const wanted = await createUpload(uploads, hostId).roots(roots);
    const ids = wanted.ok ? wanted.value.ids.map(id => id.toString('hex')) : [];
    expect(ids).not.toContain(root.id.toString('hex'));
    // The other root, and what the stored one names.
    expect(ids).toContain('01'.repeat(32));
    expect(ids.length).toBeGreaterThan(1);
  });
});

/** Plays the agent of a scan, message by message. */
async function talk(
  directory: string,
  options: { messages?: number; spoil?: (message: UploadMessage) => UploadMessage[] },
): Promise<{ nodes: number; error: string }> {
  const opened = openScan(directory);
  if (!opened.ok) throw new Error(opened.error);
  const { file, node, close } = opened.value;
  const call = server.clientOf(hostId).upload();
  let nodesSent = 0;
  let messages = 0;
  const send = (message: UploadMessage) => {
    for (const spoiled of options.spoil?.(message) ?? [message]) {
      call.write(spoiled);
      messages += 1;
      if (spoiled.body?.$case === 'nodes') nodesSent += spoiled.body.value.nodes.length;
    }
  };
  const error = await new Promise<string>(resolve => {
    call.on('error', problem => resolve(problem.message));
    call.on('end', () => resolve(''));
    call.on('data', ({ body }: UploadReply) => {
      if (messages >= (options.messages ?? Number.POSITIVE_INFINITY)) {
        // The last batch has been answered, so it is stored.
        call.cancel();
        resolve('');
      } else if (body?.$case === 'want' && body.value.ids.length > 0) {
        const wanted = body.value.ids.flatMap(id => node(id) ?? []);
        send({ body: { $case: 'nodes', value: { nodes: wanted } } });
      } else if (body?.$case === 'want') {
        send({ body: { $case: 'commit', value: {} } });
      }
    });
    send({
      body: {
        $case: 'roots',
        value: {
          scan: file.scan,
          profileDigest: Buffer.from(file.profileDigest.slice(7), 'hex'),
          profile: profileBytes(file.profile),
          softwareRoot: Buffer.from(file.softwareRoot, 'hex'),
          configRoot: Buffer.from(file.configRoot, 'hex'),
          startedMs: file.startedMs,
          finishedMs: file.finishedMs,
          coverage: JSON.stringify(file.coverage),
          coverageDigest: sha256(Buffer.from(JSON.stringify(file.coverage))),
        },
      },
    });
  });
  close();
  return { nodes: nodesSent, error };
}
