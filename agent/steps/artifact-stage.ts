import { createHash } from 'node:crypto';
import { constants, existsSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { besideName, isNoSpace, readJsonFile, showBytes, spaceAt, syncDirectory } from '../platform/file-system.ts';
import { Incoming, stepFile } from './directory.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

export const artifactsIn = (stateDir: string): string => join(stateDir, 'artifacts');
export const incomingIn = (stateDir: string): string => join(artifactsIn(stateDir), 'incoming');

/** Where an artifact lies once its digest was found right. */
export const artifactFile = (stateDir: string, digest: Digest): string =>
  join(artifactsIn(stateDir), digest.slice('sha256:'.length));

const POLL_MS = 100;
const COPY_BYTES = 256 * 1024;

/**
 * Has the link fetch an artifact and takes it over. What the link wrote is copied while it is hashed: the link is less
 * trusted than this step, and could change its own file after it was looked at.
 */
export const artifactStage: Executor<'artifact/stage'> = async ({ name, digest, bytes }, context) => {
  const file = artifactFile(context.stateDir, digest);
  if (existsSync(file)) {
    if ((await hashOf(file)) === digest) return report(`${name} is there already`, { digest, bytes, fetched: false });
    await rm(file, { force: true });
  }
  await mkdir(incomingIn(context.stateDir), { recursive: true, mode: 0o700 });
  writeFileSync(stepFile.wanted(context.directory), '');
  const incoming = await waitForIncoming(name, context);
  const begun = context.clock.monotonic();
  const partial = besideName(join(artifactsIn(context.stateDir), '.stage'), 'partial');
  try {
    const found = await copyHashing(incoming, partial);
    if (found.digest !== digest) {
      await rm(incoming, { force: true });
      throw new StepFailed(
        `${name} is not what its digest says: ${found.bytes} bytes with ${found.digest} came, ${bytes} bytes with ` +
          `${digest} are expected; check the artifact on the controller and try again`,
      );
    }
    await rename(partial, file);
    await syncDirectory(artifactsIn(context.stateDir));
    await rm(incoming, { force: true });
  } catch (error) {
    await rm(partial, { force: true });
    throw isNoSpace(error) ? noSpace(name, bytes, context) : error;
  }
  const tookMs = Math.round(context.clock.monotonic() - begun);
  return report(`${name} (${showBytes(bytes)}) is staged`, { digest, bytes, fetched: true, tookMs });
};

/** The executor answers in a file, see directory.ts. It asks again after every reconnection, so this only waits. */
async function waitForIncoming(name: string, context: StepContext): Promise<string> {
  for (;;) {
    const parsed = Incoming.safeParse(readJsonFile(stepFile.incoming(context.directory)));
    if (parsed.success && parsed.data.state === 'ready') return parsed.data.file;
    if (parsed.success && parsed.data.state === 'failed') throw new StepFailed(parsed.data.message);
    if (context.signal.aborted) throw new StepFailed(`${name} did not come in time; is the controller reachable?`);
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

async function copyHashing(from: string, to: string): Promise<{ digest: Digest; bytes: number }> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const target = await open(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await source.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        const part = buffer.subarray(0, bytesRead);
        hash.update(part);
        await target.writeFile(part);
        bytes += bytesRead;
      }
      await target.sync();
      return { digest: `sha256:${hash.digest('hex')}`, bytes };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function hashOf(file: string): Promise<Digest> {
  const hash = createHash('sha256');
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  for await (const part of handle.createReadStream()) hash.update(part as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

function noSpace(name: string, bytes: number, context: StepContext): StepFailed {
  const { mount, freeBytes } = spaceAt(context.stateDir);
  return new StepFailed(
    `no space for ${name} on ${mount}: it has ${bytes} bytes, ${freeBytes} bytes are free, ` +
      `${Math.max(0, bytes - freeBytes)} bytes are missing; free some and try again`,
  );
}
