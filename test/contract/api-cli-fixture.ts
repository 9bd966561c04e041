import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '@tidemark/controller/cli/io.ts';
import { runCli } from '@tidemark/controller/cli/run-cli.ts';
import { type FakeIo, fakeIo } from '@tidemark/controller/cli/testing/fake-io.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { openFirstTrustRoot, type TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { makeCertificates, startFakeController } from './api-fixture.ts';

/* Importing this gives each test of a file a directory of its own, and takes down the controller that it started. */

let certificates: Awaited<ReturnType<typeof makeCertificates>>;
export let directory: string;
export let controller: Awaited<ReturnType<typeof startFakeController>> | undefined;

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-cli-'));
});
afterEach(async () => {
  await controller?.close();
  controller = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** A file of this test. */
export const file = (name: string) => join(directory, name);

/** Runs a command line in this directory's configuration. */
export async function tidemark(args: string[], change: Partial<Io> = {}): Promise<{ exit: number; io: FakeIo }> {
  const io = fakeIo({ env: { TIDEMARK_CONFIG: file('contexts.json') }, ...change });
  return { exit: await runCli(args, io), io };
}

/** Starts a controller over fakes and logs in. */
export async function logIn(given: Parameters<typeof startFakeController>[0] = {}, token = 'admin-token') {
  controller = await startFakeController(given, { tls: certificates });
  const { url } = await controller.listen({ host: '127.0.0.1', port: 0 });
  writeFileSync(file('token'), `${token}\n`);
  writeFileSync(file('ca.pem'), certificates.ca);
  const { exit, io } = await tidemark(['login', url, '--token-file', file('token'), '--ca-file', file('ca.pem')]);
  expect(io.stderr).toContain('Logged in to fleet test-fleet');
  expect(exit).toBe(0);
  return url;
}

/** A key, and a trust root that it signed. */
export async function makeTrust(): Promise<TrustRoot> {
  expect((await tidemark(['key', 'create', '--out', file('anna.pem')])).exit).toBe(0);
  const made = await tidemark([
    ...['trust', 'create', '--fleet', 'test-fleet', '--approver', `anna=${file('anna.pem.pub')}`],
    ...['--key', file('anna.pem'), '--out', file('trust-root.json')],
  ]);
  expect(made.exit).toBe(0);
  const envelope = parseEnvelope(readFileSync(file('trust-root.json')));
  if (!envelope.ok) throw new Error(envelope.error);
  const root = openFirstTrustRoot(envelope.value);
  if (!root.ok) throw new Error(root.error);
  return root.value;
}
