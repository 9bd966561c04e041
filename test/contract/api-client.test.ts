import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { samplePlan } from '@tidemark/controller/cli/testing/samples.ts';
import { type Client, createClient } from '@tidemark/controller/client/client.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AT, makeCertificates, startFakeController } from './api-fixture.ts';

let certificates: Awaited<ReturnType<typeof makeCertificates>>;
let directory: string;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
  directory = mkdtempSync(join(tmpdir(), 'tidemark-client-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function connect(
  given: Parameters<typeof startFakeController>[0] = {},
  change: Partial<Parameters<typeof createClient>[0]> = {},
): Promise<Client> {
  const controller = await startFakeController(given, { tls: certificates });
  const { url } = await controller.listen({ host: '127.0.0.1', port: 0 });
  const client = createClient({ url, ca: certificates.ca, token: 'admin-token', ...change });
  cleanUps.push(
    () => controller.close(),
    () => client.close(),
  );
  return client;
}

/** A port on which nothing listens any more. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

describe('a call', () => {
  it('goes over TLS under the pinned CA and gives the JSON that was sent', async () => {
    const client = await connect();
    const run = await client.getRun({ params: { run: 'r1' } });
    expect(run.startedAt).toBe(new Date(AT).toISOString());
    expect(await client.whoami()).toEqual({ name: 'a admin', role: 'admin', fleet: 'test-fleet', version: '0.0.0' });
  });

  it('streams a file to the controller, byte for byte', async () => {
    const content = Buffer.alloc(5_000_000, 'tidemark');
    const file = join(directory, 'orders-web-1.4.0.tar.gz');
    writeFileSync(file, content);
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    let same = false;
    const client = await connect({
      bundles: {
        importRelease: async input => {
          same = readFileSync(input.file).equals(content);
          return ok({
            ...{ product: 'orders-web', version: '1.4.0', artifact: digest, bytes: content.length },
            ...{ unpackedBytes: 1, files: 1, unchanged: false },
          });
        },
      },
    });
    const query = { name: 'orders-web-1.4.0.tar.gz', digest };
    const reply = await client.importSignature({ query, file, bytes: content.length });
    expect(reply.product).toBe('orders-web');
    expect(same).toBe(true);
  });

  it('waits for events until they come', async () => {
    let looks = 0;
    const client = await connect({
      runs: {
        events: async () => ({
          ended: false,
          events:
            ++looks < 4
              ? []
              : [
                  {
                    ...{ id: 3, at: AT, run: 'r1', host: null, job: null, step: null, event: 'run-started' },
                    ...{ attempt: null, direction: null, message: '' },
                  },
                ],
        }),
      },
    });
    const page = await client.listRunEvents({ params: { run: 'r1' }, query: { after: 2, wait: 20 } });
    expect(page).toMatchObject({ next: 3, events: [{ event: 'run-started' }] });
  });
});

describe('a call that fails', () => {
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );

  it('says that the controller cannot be reached, where, and what to check', async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    const client = createClient({ url, ca: certificates.ca, token: 'admin-token' });
    cleanUps.push(() => client.close());
    expect(await failure(client.listHosts())).toMatchObject({
      kind: 'unreachable',
      code: 'ECONNREFUSED',
      message: expect.stringMatching(new RegExp(`${url}.*Is the controller running, and is the port right`)),
    });
  });

  it('trusts no certificate but those of the pinned CA', async () => {
    const other = await makeCertificates();
    const client = await connect({}, { ca: other.ca });
    expect(await failure(client.listHosts())).toMatchObject({
      kind: 'untrusted',
      message: expect.stringContaining('did not sign'),
    });
  });

  it('does not take a certificate for another name', async () => {
    const client = await connect();
    const elsewhere = createClient({
      url: client.url.replace('127.0.0.1', 'localhost'),
      ca: certificates.ca,
      token: null,
    });
    cleanUps.push(() => elsewhere.close());
    expect(await failure(elsewhere.health())).toMatchObject({
      kind: 'untrusted',
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('does not send a token over plain HTTP', () => {
    expect(() => createClient({ url: 'http://127.0.0.1:1', ca: certificates.ca, token: 'x' })).toThrow(/not https/);
  });

  it('says that the token is refused', async () => {
    const client = await connect({}, { token: 'viewer-token-of-yesterday' });
    expect(await failure(client.listHosts())).toMatchObject({ kind: 'token-refused', code: 'bad-token' });
  });

  it('says that the token is not for this', async () => {
    const client = await connect({}, { token: 'viewer-token' });
    const call = client.createRun({ body: { plan: samplePlan.digest } });
    expect(await failure(call)).toMatchObject({ kind: 'denied', message: expect.stringContaining('role operator') });
  });

  it('gives up after a while', async () => {
    const client = await connect({ hosts: { list: () => new Promise(() => {}) } }, { timeoutMs: 100 });
    expect(await failure(client.listHosts())).toMatchObject({ kind: 'timeout' });
  });

  it('hands on why the controller refuses, with places in files', async () => {
    const details = [{ message: 'unknown key', file: 'l.yaml', line: 3, column: 1 }];
    const client = await connect({
      landscape: { importLandscape: async () => err({ code: 'landscape-invalid', message: '1 error', details }) },
    });
    const call = client.importLandscape({ body: { text: 'x', fileName: 'l.yaml' } });
    expect(await failure(call)).toMatchObject({ kind: 'refused', code: 'landscape-invalid', details });
  });

  it.each([
    ['something else than Tidemark', { status: 200, text: '<html>' }],
    ['a reply of another shape', { status: 200, text: '{"hosts":[{"name":7}]}' }],
    ['an error of another shape', { status: 502, text: 'Bad Gateway' }],
  ])('says that it does not understand %s', async (_, reply) => {
    const transport = { send: async () => reply, close: () => {} };
    const client = createClient({ url: 'https://c:1', ca: '', token: null, transport });
    expect(await failure(client.listHosts())).toMatchObject({ kind: 'not-understood' });
  });
});
