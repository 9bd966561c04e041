import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DryRunRequest } from '@tidemark/shared/orders/dry-run.ts';
import { readCall } from '@tidemark/shared/orders/read-call.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { z } from 'zod';
import { readJsonFile } from '../platform/file-system.ts';
import type { ProcessIdentity } from '../platform/process.ts';

/*
 * What lies in a step's directory. The executor writes `call.json` and starts the child; all else is the child's:
 *
 *   call.json      what to do and where
 *   started.json   which process does it, and in which unit of systemd. Made exclusively and before anything is done, so that whoever makes it first,
 *                  a child or a recovery that found none, is the only one: a step never starts twice
 *   output.<n>     what it wrote, from byte n on; the first part and the newest few are kept
 *   wanted         the artifact that it waits for is not there (artifact/stage)
 *   incoming.json  by the executor: where the link put the artifact, or why it could not
 *   result.json    how it ended; whole or not there
 *   child.log      what the child itself had to say: only where it broke
 */

const Common = {
  root: z.string(),
  stateDir: z.string(),
  /** A directory of this machine with the site's own facts. */
  factsDir: z.string(),
  /** From the child's beginning, by a clock that never jumps. */
  timeoutMs: z.int().min(1),
  /** Between asking the processes to end and ending them. */
  graceMs: z.int().min(0),
};

const StepInput = z.discriminatedUnion('work', [
  z.strictObject({
    work: z.literal('call'),
    /** Read by its own schema, see {@link readInput}. */
    call: z.custom<Call>(),
    /** Which attempt at which job of which order; null outside of any. */
    attempt: z
      .strictObject({ order: z.string(), job: z.int(), direction: z.enum(['forward', 'undo']), number: z.int() })
      .nullable()
      .default(null),
    /** What the server's policy opens to audits: globs; nothing where they are left out. */
    audits: z.array(z.string()).optional(),
    ...Common,
  }),
  /** Outside of any order: what the inventory finds. */
  z.strictObject({ work: z.literal('facts'), ...Common }),
  /** Outside of any order: what changes of packages would do. Read by its own schema. */
  z.strictObject({ work: z.literal('dry-run'), request: z.custom<DryRunRequest>(), ...Common }),
]);
export type StepInput = z.infer<typeof StepInput>;

/** What `call.json` says; throws where it does not fit its schema. */
export async function readInput(directory: string): Promise<StepInput> {
  const input = StepInput.parse(JSON.parse(readFileSync(stepFile.call(directory), 'utf8')));
  return input.work === 'call' ? { ...input, call: await readCall(input.call) } : input;
}

export const StepResult = z.strictObject({
  outcome: z.enum(['succeeded', 'failed']),
  /** It was ended at its timeout: how far it came is not known. */
  timedOut: z.boolean(),
  /** One sentence. */
  message: z.string(),
  facts: z.record(z.string(), z.unknown()).nullable(),
  output: z.strictObject({ size: z.int().min(0), digest: z.base64(), head: z.base64(), tail: z.base64() }).nullable(),
});
export type StepResult = z.infer<typeof StepResult>;

export const Incoming = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('ready'), file: z.string() }),
  z.strictObject({ state: z.literal('failed'), message: z.string() }),
]);
export type Incoming = z.infer<typeof Incoming>;

const StepUnit = z.strictObject({
  name: z.string(),
  /** systemd's id of this one run of it: `journalctl _SYSTEMD_INVOCATION_ID=...`. */
  invocation: z.string(),
  controlGroup: z.string(),
});
/** The transient unit that a step runs in. */
export type StepUnit = z.infer<typeof StepUnit>;

const Started = z.strictObject({
  /** Null where a recovery claimed the directory, so that no child will ever start in it. */
  process: z.strictObject({ pid: z.int(), startTicks: z.int(), bootId: z.string() }).nullable(),
  /** Null where it has a session of its own instead. */
  unit: StepUnit.nullable().default(null),
});

/** Who does a step. */
export interface StartedBy {
  process: ProcessIdentity;
  unit: StepUnit | null;
}

export const stepFile = {
  call: (directory: string) => join(directory, 'call.json'),
  started: (directory: string) => join(directory, 'started.json'),
  wanted: (directory: string) => join(directory, 'wanted'),
  incoming: (directory: string) => join(directory, 'incoming.json'),
  result: (directory: string) => join(directory, 'result.json'),
  log: (directory: string) => join(directory, 'child.log'),
};

/** Puts JSON in place whole or not at all, also across a power cut. */
export function putJson(path: string, value: unknown): void {
  writeDurably(`${path}.new`, value);
  renameSync(`${path}.new`, path);
  syncDirectoryOf(path);
}

/**
 * False where somebody was first. The file is there whole or not at all: an executor that looked at the first half of it
 * took a step that had just begun for one that broke.
 */
export function claimStart(directory: string, by: StartedBy | null): boolean {
  const path = stepFile.started(directory);
  const own = `${path}.${process.pid}`;
  writeDurably(own, by ?? { process: null });
  try {
    linkSync(own, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(own);
  }
  syncDirectoryOf(path);
  return true;
}

/** Who started here: undefined where nobody did, null where it cannot be read (a file system that was repaired). */
export function readStarted(directory: string): StartedBy | 'recovery' | null | undefined {
  // Looked for first: what appears between the two is found whole, and nothing of it ever goes.
  if (!exists(stepFile.started(directory))) return undefined;
  const parsed = Started.safeParse(readJsonFile(stepFile.started(directory)));
  if (!parsed.success) return null;
  const { process, unit } = parsed.data;
  return process ? { process, unit } : 'recovery';
}

/** A result with full output is some 180 KiB of JSON; the rest is for what a step found. */
const RESULT_BYTES = 512 * 1024;

/** Keeps room for the result before anything is done: a step that fills the disk can still say how it ended. */
export function reserveResult(directory: string): void {
  const file = openSync(`${stepFile.result(directory)}.new`, 'w', 0o600);
  try {
    const block = Buffer.alloc(64 * 1024, 0x20);
    for (let at = 0; at < RESULT_BYTES; at += block.length) writeSync(file, block);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Writes into the room that was kept, and puts it in place. What does not fit there on a full disk loses its facts. */
export function putResult(directory: string, result: StepResult): void {
  const path = stepFile.result(directory);
  try {
    writeOver(`${path}.new`, result);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    writeOver(`${path}.new`, { ...result, facts: null });
  }
  renameSync(`${path}.new`, path);
  syncDirectoryOf(path);
}

function writeOver(path: string, value: unknown): void {
  const file = openSync(path, 'r+');
  try {
    const data = Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at, data.length - at, at);
    ftruncateSync(file, data.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Undefined where there is none. */
export function readResult(directory: string): StepResult | undefined {
  const parsed = StepResult.safeParse(readJsonFile(stepFile.result(directory)));
  return parsed.success ? parsed.data : undefined;
}

function writeDurably(path: string, value: unknown): void {
  const file = openSync(path, 'w', 0o600);
  try {
    const data = Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectoryOf(path: string): void {
  const directory = openSync(join(path, '..'), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function exists(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
