import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { EnrolmentClient, type EnrolReply } from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import { parseToken } from '@tidemark/shared/protocol/token.ts';
import { isSoundPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { parseAddress } from './address.ts';
import { findPinnedRoot } from './authenticate.ts';
import { backoffMs } from './backoff.ts';
import { certificateRequest } from './certificate-request.ts';
import { type CallError, CHANNEL_OPTIONS, callError, isPassing } from './grpc.ts';
import { Enrolment, IDENTITY_FILES, identityDirectory, isEnrolled, pemChain, syncDirectory } from './identity.ts';

/** For one call; the controller answers in milliseconds. */
const CALL_MS = 15_000;
/** A reply that was lost is asked for again, with the same key; the waits between are about 0.4, 0.8 and 1.5 s. */
const ATTEMPTS = 4;

export type EnrolErrorCode =
  | 'already-enrolled'
  | 'bad-token'
  | 'bad-address'
  | 'unreachable'
  | 'wrong-authority'
  | 'refused'
  | 'bad-reply'
  | 'disk';

export interface EnrolError {
  code: EnrolErrorCode;
  /** What happened and what to do next. */
  message: string;
}

export interface EnrolOptions {
  /** host:port of the controller's enrolment. */
  controller: string;
  /** Text of the token; read from a file or standard input, never from the arguments. */
  token: string;
  stateDir: string;
  /** What this server calls itself; shown to people. */
  hostName: string;
}

export interface EnrolledIdentity {
  hostId: string;
  fleet: string;
  linkAddress: string;
}

/**
 * Makes a key, authenticates the controller by the token's key hash, gives it the token, and stores the identity: whole,
 * or not at all. After a failure on the way the same token may be tried again: its key is kept until then.
 */
export async function enrol(options: EnrolOptions): Promise<Result<EnrolledIdentity, EnrolError>> {
  const target = identityDirectory(options.stateDir);
  if (isEnrolled(options.stateDir)) {
    return fail(
      'already-enrolled',
      `this server is enrolled already: ${target} exists. To enrol it anew, have it evicted and move that directory away`,
    );
  }
  const token = parseToken(options.token);
  if (!token.ok) return fail('bad-token', token.error);
  const address = parseAddress(options.controller);
  if (!address.ok) return fail('bad-address', address.error);

  const root = await findPinnedRoot(address.value, token.value.authorityKeyHash);
  if (!root.ok) return root;

  const draft = join(options.stateDir, `enrolling-${token.value.id}`);
  try {
    const keyPem = await keyFor(draft);
    const reply = await ask(options, root.value, certificateRequest(createPrivateKey(keyPem)));
    if (!reply.ok) {
      if (!isPassing(reply.error)) await rm(draft, { recursive: true, force: true });
      return notEnrolled(reply.error, options.controller);
    }
    const enrolment = read(reply.value, options.controller);
    if (!enrolment.ok) return enrolment;
    const files: Record<string, string> = {
      [IDENTITY_FILES.chain]: pemChain(reply.value.certificateChain),
      // The one that was authenticated, not the one in the reply.
      [IDENTITY_FILES.root]: root.value.toString(),
      [IDENTITY_FILES.enrolment]: `${JSON.stringify(enrolment.value, null, 2)}\n`,
    };
    for (const [name, text] of Object.entries(files))
      await writeFile(join(draft, name), text, { mode: 0o644, flush: true });
    await syncDirectory(draft);
    await rename(draft, target);
    await syncDirectory(options.stateDir);
    const { hostId, fleet, linkAddress } = enrolment.value;
    return ok({ hostId, fleet, linkAddress });
  } catch (error) {
    return fail(
      'disk',
      `cannot store the identity in ${options.stateDir}: ${(error as Error).message}. Correct that and run it again with the same token within 5 minutes`,
    );
  }
}

/** The key of this enrolment: the one of an attempt before, or a new one. Never leaves the server. */
async function keyFor(draft: string): Promise<string> {
  const file = join(draft, IDENTITY_FILES.key);
  if (existsSync(file)) return readFile(file, 'utf8');
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
  const beside = `${file}.new`;
  await writeFile(beside, pem, { mode: 0o600, flush: true });
  await rename(beside, file);
  return pem.toString();
}

async function ask(
  options: EnrolOptions,
  root: X509Certificate,
  request: Buffer,
): Promise<Result<EnrolReply, CallError>> {
  // Trusts the pinned root and nothing else: this handshake is the one that authenticates.
  const channel = credentials.createSsl(Buffer.from(root.toString()));
  const client = new EnrolmentClient(options.controller, channel, CHANNEL_OPTIONS);
  try {
    let last: CallError = { code: status.UNKNOWN, details: '' };
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const reply = await callOnce(client, options, request);
      if (reply.ok || !isPassing(reply.error)) return reply;
      last = reply.error;
      if (attempt < ATTEMPTS) await wait(backoffMs(attempt - 1, Math.random()));
    }
    return err(last);
  } finally {
    client.close();
  }
}

function callOnce(
  client: EnrolmentClient,
  options: EnrolOptions,
  certificateRequest: Buffer,
): Promise<Result<EnrolReply, CallError>> {
  const message = { token: options.token.trim(), certificateRequest, hostName: options.hostName };
  return new Promise(resolve => {
    client.enrol(message, new Metadata(), { deadline: Date.now() + CALL_MS }, (error, reply) => {
      if (error === null && reply !== undefined) resolve(ok(reply));
      else resolve(err(callError(error)));
    });
  });
}

/** What was sent must be an identity, before it is taken for one. */
function read(reply: EnrolReply, controller: string): Result<Enrolment, EnrolError> {
  const bad = (what: string) => fail('bad-reply', `the controller's answer cannot be used: ${what}`);
  const linkAddress = parseAddress(reply.linkAddress);
  if (!linkAddress.ok) return bad(`its link address: ${linkAddress.error}`);
  if (!isSoundPublicKey(reply.dispatchKey)) return bad('its dispatch key is no Ed25519 key');
  const [leaf] = reply.certificateChain;
  try {
    const names = leaf === undefined ? '' : new X509Certificate(leaf).subjectAltName;
    if (names !== `URI:tidemark://${reply.fleet}/agent/${reply.hostId}`)
      return bad('the certificate is not for the host that it names');
  } catch {
    return bad('the certificate cannot be read');
  }
  const enrolment = Enrolment.safeParse({
    format: 'tidemark/enrolment/v1',
    hostId: reply.hostId,
    fleet: reply.fleet,
    linkAddress: reply.linkAddress,
    enrolmentAddress: controller,
    dispatchKey: reply.dispatchKey.toString('base64'),
  });
  return enrolment.success ? ok(enrolment.data) : bad('a field is missing');
}

function notEnrolled(error: CallError, controller: string): { ok: false; error: EnrolError } {
  // The handshake that authenticates failed: no call was made.
  if (error.code === status.UNAVAILABLE && /certificate|altname/i.test(error.details)) {
    return fail(
      'wrong-authority',
      `the server at ${controller} could not show that it is the controller (${error.details}). The token was not sent`,
    );
  }
  if (isPassing(error)) {
    return fail(
      'unreachable',
      `the controller at ${controller} did not answer (${error.details}). Run it again with the same token within 5 minutes`,
    );
  }
  return fail('refused', `the controller at ${controller} refused: ${error.details}`);
}

const fail = (code: EnrolErrorCode, message: string): { ok: false; error: EnrolError } => err({ code, message });
