import { Worker } from 'node:worker_threads';
import { present } from '@tidemark/shared/base/assert.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { mergeCoverages } from '@tidemark/shared/fingerprint/counting.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import { isAudit } from '@tidemark/shared/fingerprint/profile.ts';
import { attributesProgram, NO_PROGRAM, readAttributes } from './attributes.ts';
import { basisOf } from './basis.ts';
import { type OpenCache, openCache } from './cache-files.ts';
import {
  type AttributesInput,
  CONTROL,
  controlMemory,
  type FromWorker,
  type ToWorker,
  type WorkerInput,
} from './crew-messages.ts';
import type { Away } from './frame.ts';
import { readHostIdentity } from './host-identity.ts';
import { linkedFilesMemory } from './linked-files.ts';
import { readOwners } from './owners.ts';
import { ScanCancelled } from './pace.ts';
import type { ScanOptions, ScanResult } from './scan-tree.ts';
import { sharedIdsMemory } from './shared-ids.ts';
import { dueAfter, isBelieved } from './stat-cache.ts';

/*
 * A scan by several threads. One begins at the root; whoever has nothing to do is given the directory that another one
 * would come to last, so that two threads share any tree without anybody knowing its shape. This thread only passes on.
 */

/** The program of a thread, where it was put into this bundle. */
declare const TIDEMARK_SCAN_WORKER: string | undefined;

/** More threads than this wait for the disk, not for a processor, and each takes memory. */
const DEFAULT_THREADS = 2;
const PROGRESS_MS = 1_000;
/** Young objects die young here: a larger nursery would only be memory that is touched once. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

export interface CrewResult extends ScanResult {
  bytesRead: number;
  /** That were written, and their canonical bytes. */
  nodes: number;
  bytes: number;
}

/**
 * Scans a server, and appends records of nodes (node-records.ts) to an open file. Rejects with {@link ScanCancelled} when
 * the signal aborts: the next scan goes on where it was.
 */
export async function scanByCrew(options: ScanOptions, nodes: number): Promise<CrewResult> {
  const { profile, root = '/', clock = systemClock, signal } = options;
  if (signal?.aborted) throw new ScanCancelled('the scan was cancelled before it began');
  const startedMs = clock.now();
  const program = attributesProgram();
  // An audit believes nothing, and leaves nothing.
  const kept = isAudit(profile) ? null : options.cache;
  const cache = kept ? openCache(kept, profile.name, basisOf(profile, root, program)) : null;
  try {
    const attributes = await attributesFor(options, cache, program, Math.floor(startedMs / 1000));
    if (signal?.aborted) throw new ScanCancelled('the scan was cancelled');
    const ended = await scanWith(options, cache, attributes.input, nodes, startedMs);
    finish(cache);
    const coverage = { ...ended.coverage, limits: [...ended.coverage.limits, ...attributes.limits] };
    return { ...ended, coverage, startedMs, finishedMs: clock.now() };
  } finally {
    cache?.close();
  }
}

/** Those of the last scan where they are still believed: then only what has changed is asked about. */
async function attributesFor(
  { profile, root = '/', signal }: ScanOptions,
  cache: OpenCache | null,
  program: string | null,
  nowS: number,
): Promise<{ input: AttributesInput; limits: string[] }> {
  if (cache && isBelieved(cache.attributesDueAtS, nowS)) {
    cache.begin(cache.attributesDueAtS);
    return { input: { type: 'kept', program }, limits: program ? [] : [NO_PROGRAM] };
  }
  const roots = profile.roots.map(({ path }) => path);
  const { table, limits } = await readAttributes(program, root, roots, readOwners(root), signal);
  // What failed is tried again by the next scan.
  const isRead = limits.length === 0 || program === null;
  cache?.begin(isRead ? dueAfter(nowS) : 0);
  return { input: { type: 'read', table }, limits };
}

async function scanWith(
  options: ScanOptions,
  cache: OpenCache | null,
  attributes: AttributesInput,
  nodes: number,
  startedMs: number,
): Promise<Ended> {
  const { profile, root = '/', threads = DEFAULT_THREADS, signal } = options;
  const control = controlMemory(threads);
  const common: Omit<WorkerInput, 'number'> = {
    threads,
    profile,
    root,
    startedMs,
    identity: readHostIdentity(root),
    attributes,
    key: options.key ?? null,
    audits: options.audits ?? [],
    budget: options.budget ?? {},
    cache: cache && { index: cache.index, out: cache.out },
    nodes,
    linked: linkedFilesMemory(),
    seen: sharedIdsMemory(),
    control,
  };
  const words = new Int32Array(control);
  words[CONTROL.hungry] = threads - 1;
  const cancel = () => void Atomics.store(words, CONTROL.cancelled, 1);
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = options.progress && setInterval(() => options.progress?.(progressIn(words, threads)), PROGRESS_MS);
  try {
    return await conduct(common, cancel);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

function finish(cache: OpenCache | null): void {
  try {
    cache?.commit();
  } catch {
    // The scan is whole; the next one will be slower.
  }
}

function progressIn(words: Int32Array, threads: number): { files: number; bytesRead: number } {
  const total = { files: 0, bytesRead: 0 };
  for (let number = 0; number < threads; number++) {
    const at = CONTROL.counts + CONTROL.countsEach * number;
    total.files += words[at] ?? 0;
    total.bytesRead += (words[at + 1] ?? 0) * 1024;
  }
  return total;
}

type Ended = Omit<CrewResult, 'startedMs' | 'finishedMs'>;

async function conduct(common: Omit<WorkerInput, 'number'>, cancel: () => void): Promise<Ended> {
  const workers = Array.from({ length: common.threads }, (_, number) => startWorker({ ...common, number }));
  const quiet = workers.map(
    worker =>
      new Promise<void>(resolve => {
        worker.on('exit', () => resolve());
        worker.on('message', ({ type }: FromWorker) => {
          if (type === 'ended') resolve();
        });
      }),
  );
  try {
    return await new Promise<Ended>((resolve, reject) => {
      const board = createBoard(workers, resolve);
      workers.forEach((worker, number) => {
        worker.on('message', (message: FromWorker) => {
          try {
            board(number, message);
          } catch (error) {
            reject(error);
          }
        });
        worker.on('error', reject);
      });
      say(workers[0], { type: 'start' });
    });
  } finally {
    // Those that are in the middle of something notice at their next step, and write what they know.
    cancel();
    for (const worker of workers) say(worker, { type: 'end' });
    await Promise.all(quiet);
    await Promise.all(workers.map(worker => worker.terminate()));
  }
}

const say = (worker: Worker | undefined, message: ToWorker): void => worker?.postMessage(message);

/** Who works for whom. */
function createBoard(
  workers: readonly Worker[],
  resolve: (ended: Ended) => void,
): (from: number, message: FromWorker) => void {
  /** The one that was started is not among them. */
  const idle = workers.map((_, number) => number).slice(1);
  const unassigned: Away[] = [];
  const parts: Coverage[] = [];
  const sums = { bytesRead: 0, nodes: 0, bytes: 0 };
  let roots: { software: Uint8Array; config: Uint8Array } | null = null;
  const assign = () => {
    while (idle.length > 0 && unassigned.length > 0) {
      const number = present(idle.shift(), 'idle thread');
      say(workers[number], { type: 'take', away: present(unassigned.shift(), 'directory') });
    }
  };
  return (from, message) => {
    switch (message.type) {
      case 'away':
        unassigned.push(message.away);
        assign();
        return;
      case 'idle':
        idle.push(from);
        assign();
        return;
      case 'answer':
        say(workers[message.answer.giver], { type: 'answered', answer: message.answer });
        return;
      case 'roots':
        roots = { software: message.software, config: message.config };
        for (const worker of workers) say(worker, { type: 'end' });
        return;
      case 'ended':
        parts.push(message.coverage);
        sums.bytesRead += message.bytesRead;
        sums.nodes += message.nodes;
        sums.bytes += message.bytes;
        if (parts.length === workers.length && roots) {
          resolve({
            softwareRoot: Buffer.from(roots.software),
            configRoot: Buffer.from(roots.config),
            coverage: mergeCoverages(parts),
            ...sums,
          });
        }
        return;
      case 'failed':
        throw message.isCancelled
          ? new ScanCancelled(message.message)
          : Object.assign(new Error(message.message), { code: message.code });
    }
  };
}

function startWorker(input: WorkerInput): Worker {
  // No environment and no arguments: a thread needs neither.
  const common = { workerData: input, resourceLimits: LIMITS, env: {}, argv: [], stdin: false };
  return typeof TIDEMARK_SCAN_WORKER === 'string'
    ? new Worker(TIDEMARK_SCAN_WORKER, { ...common, eval: true })
    : new Worker(new URL('./worker.ts', import.meta.url), common);
}
