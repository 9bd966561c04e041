import { Worker } from 'node:worker_threads';
import { present } from '@tidemark/shared/base/assert.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { mergeCoverages } from '@tidemark/shared/fingerprint/counting.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { readAttributes } from './attributes.ts';
import { type OpenCache, openCache } from './cache-files.ts';
import { CONTROL, controlMemory, type FromWorker, type ToWorker, type WorkerInput } from './crew-messages.ts';
import { readHostIdentity } from './host-identity.ts';
import { linkedFilesMemory } from './linked-files.ts';
import { recordsIn } from './node-records.ts';
import { readOwners } from './owners.ts';
import { ScanCancelled } from './pace.ts';
import type { ScanOptions, ScanResult } from './scan-tree.ts';
import type { Away } from './walker.ts';

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
}

/** Takes records of nodes (node-records.ts), each node once. */
export type TakeRecord = (record: Buffer) => void;

/** Scans a server. Rejects with {@link ScanCancelled} when the signal aborts: the next scan goes on where it was. */
export async function scanByCrew(options: ScanOptions, take: TakeRecord): Promise<CrewResult> {
  const { profile, root = '/', clock = systemClock, threads = DEFAULT_THREADS, signal } = options;
  if (signal?.aborted) throw new ScanCancelled('the scan was cancelled before it began');
  const startedMs = clock.now();
  const roots = profile.roots.map(({ path }) => path);
  const attributes = await readAttributes(root, roots, readOwners(root), signal);
  if (signal?.aborted) throw new ScanCancelled('the scan was cancelled');
  const cache = options.cache ? openCache(options.cache, profile.name) : null;
  const control = controlMemory(threads);
  const common: Omit<WorkerInput, 'number'> = {
    threads,
    profile,
    root,
    startedMs,
    identity: readHostIdentity(root),
    attributes: attributes.byPath,
    key: options.key ?? null,
    budget: options.budget ?? {},
    cache: cache && { index: cache.index, out: cache.out },
    linked: linkedFilesMemory(),
    control,
  };
  const words = new Int32Array(control);
  words[CONTROL.hungry] = threads - 1;
  const cancel = () => void Atomics.store(words, CONTROL.cancelled, 1);
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = options.progress && setInterval(() => options.progress?.(progressIn(words, threads)), PROGRESS_MS);
  try {
    const ended = await conduct(common, cancel, onceEach(take));
    finish(cache);
    const coverage = { ...ended.coverage, limits: [...ended.coverage.limits, ...attributes.limits] };
    return { ...ended, coverage, startedMs, finishedMs: clock.now() };
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
    cache?.close();
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

function onceEach(take: TakeRecord): (batch: Buffer) => void {
  const seen = new Set<string>();
  return batch => {
    for (const { id, record } of recordsIn(batch)) {
      const key = nodeKey(id);
      if (seen.has(key)) continue;
      seen.add(key);
      take(record);
    }
  };
}

type Ended = Pick<CrewResult, 'softwareRoot' | 'configRoot' | 'coverage' | 'bytesRead'>;

async function conduct(
  common: Omit<WorkerInput, 'number'>,
  cancel: () => void,
  take: (batch: Buffer) => void,
): Promise<Ended> {
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
      const board = createBoard(workers, take, resolve);
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
  take: (batch: Buffer) => void,
  resolve: (ended: Ended) => void,
): (from: number, message: FromWorker) => void {
  /** The one that was started is not among them. */
  const idle = workers.map((_, number) => number).slice(1);
  const unassigned: Away[] = [];
  const parts: Coverage[] = [];
  let bytesRead = 0;
  let roots: { software: Uint8Array; config: Uint8Array } | null = null;
  const assign = () => {
    while (idle.length > 0 && unassigned.length > 0) {
      const number = present(idle.shift(), 'idle thread');
      say(workers[number], { type: 'take', away: present(unassigned.shift(), 'directory') });
    }
  };
  return (from, message) => {
    switch (message.type) {
      case 'nodes':
        take(Buffer.from(message.records.buffer, message.records.byteOffset, message.records.byteLength));
        return;
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
        bytesRead += message.bytesRead;
        if (parts.length === workers.length && roots) {
          resolve({
            softwareRoot: Buffer.from(roots.software),
            configRoot: Buffer.from(roots.config),
            coverage: mergeCoverages(parts),
            bytesRead,
          });
        }
        return;
      case 'failed':
        throw message.isCancelled ? new ScanCancelled(message.message) : new Error(message.message);
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
