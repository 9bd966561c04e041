import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { present } from '@tidemark/shared/base/assert.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { normaliseText } from '@tidemark/shared/fingerprint/normalise.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { type Attributes, NO_ATTRIBUTES } from './attributes.ts';
import { CONTROL, type FromWorker, type ToWorker, type WorkerInput } from './crew-messages.ts';
import { LinkedFiles } from './linked-files.ts';
import { NodeRecords } from './node-records.ts';
import { readOwners } from './owners.ts';
import { createPace, ScanCancelled, sleepSync } from './pace.ts';
import { once } from './scan-tree.ts';
import { StatCache } from './stat-cache.ts';
import { type Answer, type Crew, Walker } from './walker.ts';

/* One thread of a scan. It shares descriptors and memory with the others; see crew.ts. */

function work(input: WorkerInput, say: (message: FromWorker, transfer?: ArrayBuffer[]) => void) {
  const { number, threads, profile, root, startedMs, identity } = input;
  const control = new Int32Array(input.control);
  const counts = CONTROL.counts + CONTROL.countsEach * number;
  const pace = createPace({
    budget: input.budget,
    threads,
    isCancelled: () => Atomics.load(control, CONTROL.cancelled) !== 0,
    monotonic: () => performance.now(),
    sleep: sleepSync,
  });
  const records = new NodeRecords(bytes => say({ type: 'nodes', records: bytes }, [bytes.buffer as ArrayBuffer]));
  const cache = input.cache && new StatCache({ ...input.cache, startedMs });
  const walker: Walker = new Walker({
    profile,
    root,
    owners: readOwners(root),
    attributes: attributesFrom(input.attributes),
    linked: new LinkedFiles(input.linked),
    cache,
    pace: {
      step: bytes => {
        const { files, bytesRead } = walker.counter.progress();
        Atomics.store(control, counts, files);
        Atomics.store(control, counts + 1, Math.floor(bytesRead / 1024));
        pace.step(bytes);
      },
    },
    key: input.key && Buffer.from(input.key),
    normalise: (content, rules) => normaliseText(content, rules, identity),
    emit: once(node => records.add(node)),
    crew: crewOf(number, control, say),
  });
  const run = () => {
    walker.run();
    say({ type: 'idle' });
    Atomics.add(control, CONTROL.hungry, 1);
  };
  const receive = (message: ToWorker): void => {
    switch (message.type) {
      case 'start':
        walker.start(({ software, config }) => say({ type: 'roots', software, config }));
        run();
        return;
      case 'take':
        walker.take(message.away, answer => say({ type: 'answer', answer }));
        run();
        return;
      case 'answered':
        walker.answered(revived(message.answer));
        return;
      case 'end':
        records.flush();
        cache?.flush();
        say({ type: 'ended', coverage: walker.counter.coverage(), bytesRead: walker.counter.progress().bytesRead });
    }
  };
  return (message: ToWorker): void => {
    try {
      receive(message);
    } catch (error) {
      // What was read until now does not have to be read again.
      cache?.flush();
      const isCancelled = error instanceof ScanCancelled;
      say({ type: 'failed', message: error instanceof Error ? error.message : String(error), isCancelled });
    }
  };
}

function attributesFrom(byPath: WorkerInput['attributes']): Attributes {
  if (byPath.size === 0) return NO_ATTRIBUTES;
  return {
    of: path => {
      const attributes = byPath.get(path);
      return attributes ? new Map([...attributes].map(([name, value]) => [name, Buffer.from(value)])) : null;
    },
  };
}

function crewOf(number: number, control: Int32Array, say: (message: FromWorker) => void): Crew {
  return {
    number,
    isHungry: () => {
      const hungry = Atomics.load(control, CONTROL.hungry);
      return hungry > 0 && Atomics.compareExchange(control, CONTROL.hungry, hungry, hungry - 1) === hungry;
    },
    give: away => say({ type: 'away', away }),
  };
}

/** Between threads a Buffer arrives as a plain Uint8Array. */
function revived({ giver, frame, entries }: Answer): Answer {
  const revive = (plane: Plane) => entries[plane].map(entry => mapped(entry, asBuffer) as unknown as Entry);
  return { giver, frame, entries: { software: revive('software'), config: revive('config') } };
}

const asBuffer = (value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;

const mapped = (object: object, change: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

if (!isMainThread) {
  const port = present(parentPort, 'port of a thread');
  const receive = work(workerData as WorkerInput, (message, transfer) => port.postMessage(message, transfer));
  port.on('message', receive);
}
