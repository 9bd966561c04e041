import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { type DownloadRequest, download } from '@tidemark/agent/link/download.ts';
import { CHANNEL_OPTIONS, callError } from '@tidemark/agent/link/grpc.ts';
import { type Digest, digestOf, digestToBytes } from '@tidemark/shared/base/digest.ts';
import { ArtifactClient, type DownloadChunk } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startAgentLink, startFleet } from '../support/fleet-link.ts';

const CONTENT = randomBytes(3_000_000);
const DIGEST = digestOf(CONTENT);
const DAMAGED = digestOf(Buffer.from('what it should be'));
const FORBIDDEN = digestOf(Buffer.from('not for you'));

let fleet: Fleet;
let agent: Awaited<ReturnType<Fleet['agent']>>;
let client: ArtifactClient;
let scratch: string;
let directories = 0;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'tidemark-artifact-'));
  const file = join(scratch, 'content');
  writeFileSync(file, CONTENT);
  const empty = join(scratch, 'empty');
  writeFileSync(empty, '');
  fleet = await startFleet({
    findArtifact: async digest => {
      if (digest === DIGEST || digest === DAMAGED) return { file, bytes: CONTENT.length };
      return digest === digestOf(Buffer.alloc(0)) ? { file: empty, bytes: 0 } : null;
    },
  });
  agent = await fleet.agent('db01');
  client = clientAt(fleet.linkPort);
});
afterAll(async () => {
  client.close();
  await fleet.close();
  rmSync(scratch, { recursive: true, force: true });
});

function clientAt(port: number): ArtifactClient {
  const channel = credentials.createSsl(
    Buffer.from(fleet.authority.rootPem),
    Buffer.from(agent.identity.keyPem),
    Buffer.from(agent.identity.chainPem),
  );
  return new ArtifactClient(`127.0.0.1:${port}`, channel, CHANNEL_OPTIONS);
}

const request = (changes: Partial<DownloadRequest> = {}): DownloadRequest => ({
  client,
  digest: DIGEST,
  name: 'orders-web-1.4.1.tar.gz',
  bytes: CONTENT.length,
  directory: join(scratch, `incoming${++directories}`),
  signal: new AbortController().signal,
  ...changes,
});
const hex = (digest: Digest) => digestToBytes(digest).toString('hex');
const partOf = (asked: DownloadRequest) => join(asked.directory, `${hex(asked.digest)}.part`);

function withPart(content: Uint8Array, changes: Partial<DownloadRequest> = {}): DownloadRequest {
  const asked = request(changes);
  mkdirSync(asked.directory);
  writeFileSync(partOf(asked), content);
  return asked;
}

describe('a download', () => {
  it('gives the file under its digest, and leaves no part', async () => {
    const asked = request();
    const got = await download(asked);
    expect(got).toEqual({ ok: true, value: join(asked.directory, hex(DIGEST)) });
    expect(readFileSync(join(asked.directory, hex(DIGEST))).equals(CONTENT)).toBe(true);
    expect(existsSync(partOf(asked))).toBe(false);
  });

  it('goes on from any byte at which it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(CONTENT.length), async cut => {
        const asked = withPart(CONTENT.subarray(0, cut));
        const got = await download(asked);
        expect(got.ok && readFileSync(got.value).equals(CONTENT)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it('asks only for what it lacks', async () => {
    const sizes = await new Promise<DownloadChunk[]>((resolve, reject) => {
      const chunks: DownloadChunk[] = [];
      const call = client.download({ digest: digestToBytes(DIGEST), offset: CONTENT.length - 70_000 });
      call.on('data', chunk => chunks.push(chunk));
      call.on('error', reject);
      call.on('end', () => resolve(chunks));
    });
    expect(sizes.map(({ offset, total, data }) => [offset, total, data.length])).toEqual([
      [2_930_000, 3_000_000, 0],
      [2_930_000, 0, 65_536],
      [2_995_536, 0, 4464],
    ]);
  });

  it('keeps what it has when the connection breaks in the middle, and says that it may go on', async () => {
    await withCuttingProxy(fleet.linkPort, 1_000_000, async port => {
      const broken = clientAt(port);
      const asked = request({ client: broken });
      const first = await download(asked);
      broken.close();
      expect(first).toMatchObject({ ok: false, error: { again: true } });
      const part = readFileSync(partOf(asked));
      expect(part.length).toBeGreaterThan(0);
      expect(part.equals(CONTENT.subarray(0, part.length))).toBe(true);
      const second = await download({ ...asked, client });
      expect(second.ok && readFileSync(second.value).equals(CONTENT)).toBe(true);
    });
  });

  it('starts anew, once, where the part that it found was damaged', async () => {
    const part = Buffer.from(CONTENT.subarray(0, 500_000));
    part[1234] = (part[1234] ?? 0) ^ 1;
    const got = await download(withPart(part));
    expect(got.ok && readFileSync(got.value).equals(CONTENT)).toBe(true);
  });

  it('starts anew where the part is longer than the whole', async () => {
    const got = await download(withPart(Buffer.concat([CONTENT, Buffer.from('more')])));
    expect(got.ok && readFileSync(got.value).equals(CONTENT)).toBe(true);
  });

  it('refuses what is not what its digest says, and keeps none of it', async () => {
    const asked = request({ digest: DAMAGED });
    const got = await download(asked);
    expect(got).toMatchObject({ ok: false, error: { again: false } });
    expect(!got.ok && got.error.message).toContain('is not what its digest');
    expect(existsSync(partOf(asked))).toBe(false);
  });

  it('refuses what has another size than the order says', async () => {
    const got = await download(request({ bytes: CONTENT.length + 1 }));
    expect(!got.ok && got.error).toEqual({ again: false, message: expect.stringContaining('in the order') });
  });

  it('ends at once where the controller has no such artifact for this host', async () => {
    const got = await download(request({ digest: FORBIDDEN }));
    expect(!got.ok && got.error).toEqual({ again: false, message: expect.stringContaining('for db01') });
  });

  it('says how much space is missing, before it begins', async () => {
    const asked = request({ bytes: 2 ** 52 });
    const got = await download(asked);
    expect(!got.ok && got.error.message).toMatch(/no space for .* needs 4503599627370496 bytes and \d+ are free/);
    expect(existsSync(partOf(asked))).toBe(false);
  });

  it.runIf(existsSync('/dev/full'))('says so where the disk is full in the middle, and leaves no part', async () => {
    const asked = request();
    mkdirSync(asked.directory);
    symlinkSync('/dev/full', partOf(asked));
    const got = await download(asked);
    expect(!got.ok && got.error).toEqual({ again: false, message: expect.stringContaining('no space for') });
    expect(readdirSync(asked.directory)).toEqual([]);
  });

  it('of nothing is a file with nothing in it', async () => {
    const got = await download(request({ digest: digestOf(Buffer.alloc(0)), bytes: 0 }));
    expect(got.ok && readFileSync(got.value).length).toBe(0);
  });

  it('is refused with a digest that is none', async () => {
    const call = client.download({ digest: Buffer.alloc(5), offset: 0 });
    const error = await new Promise(resolve => call.on('error', resolve).resume());
    expect(callError(error).code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('an artifact that the executor wants', () => {
  it('is fetched over the link and handed over as a file', async () => {
    const { link, heard } = startAgentLink(agent);
    try {
      link.deliver({ type: 'artifact-wanted', digest: DIGEST, name: 'orders-web', bytes: CONTENT.length });
      link.deliver({ type: 'artifact-wanted', digest: FORBIDDEN, name: 'secret', bytes: 1 });
      const ready = await heard.until(message => message.type === 'artifact-ready');
      expect(ready).toEqual({
        type: 'artifact-ready',
        digest: DIGEST,
        file: join(agent.stateDir, 'artifacts/incoming', hex(DIGEST)),
      });
      const failed = await heard.until(message => message.type === 'artifact-failed');
      expect(failed).toMatchObject({ digest: FORBIDDEN, message: expect.stringContaining('no artifact') });
    } finally {
      await link.stop();
    }
  });

  it('is cut off from a host that loses its identity while it fetches', async () => {
    const victim = await fleet.agent('db02');
    const channel = credentials.createSsl(
      Buffer.from(fleet.authority.rootPem),
      Buffer.from(victim.identity.keyPem),
      Buffer.from(victim.identity.chainPem),
    );
    const own = new ArtifactClient(`127.0.0.1:${fleet.linkPort}`, channel, CHANNEL_OPTIONS);
    const call = own.download({ digest: digestToBytes(DIGEST), offset: 0 });
    const ended = new Promise(resolve => call.on('error', resolve));
    // Reads one chunk and then no more, so that the rest is still to come.
    await new Promise<void>(resolve =>
      call.once('data', () => {
        call.pause();
        resolve();
      }),
    );
    await fleet.enrolment.evict({ host: 'db02', by: 'test' });
    call.resume();
    expect(callError(await ended)).toMatchObject({ code: status.UNAUTHENTICATED });
    own.close();
  });
});

/** Passes TCP on and breaks the connection after so many bytes to the client. */
async function withCuttingProxy(
  target: number,
  afterBytes: number,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer(downstream => {
    const upstream = tcpConnect(target, '127.0.0.1');
    let passed = 0;
    for (const socket of [downstream, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        upstream.destroy();
        downstream.destroy();
      });
    }
    downstream.pipe(upstream);
    upstream.on('data', data => {
      passed += data.length;
      if (passed > afterBytes) downstream.resetAndDestroy();
      else downstream.write(data);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    await use(typeof address === 'object' ? (address?.port ?? 0) : 0);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}
