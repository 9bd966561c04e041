import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { present } from '@tidemark/shared/base/assert.ts';
import { normaliseText } from '@tidemark/shared/fingerprint/normalise.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { createAsker } from './attribute-asker.ts';
import { attributesByPath } from './attribute-table.ts';
import { auditRules } from './audit.ts';
import { answerFrom, answerTo } from './crew-answers.ts';
import { type AttributesInput, CONTROL, type FromWorker, type ToWorker, type WorkerInput } from './crew-messages.ts';
import type { Crew } from './frame.ts';
import { LinkedFiles } from './linked-files.ts';
import { type Attributes, NO_ATTRIBUTES } from './lister.ts';
import { NodeFile } from './node-records.ts';
import { readOwners } from './owners.ts';
import { createPace, ScanCancelled, sleepSync } from './pace.ts';
import { SharedIds } from './shared-ids.ts';
import { StatCache } from './stat-cache.ts';
import { Walker } from './walker.ts';

/* One thread of a scan. It shares descriptors and memory with the others; see crew.ts. */

function work(input: WorkerInput, say: (message: FromWorker) => void) {
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
  const nodes = new NodeFile(input.nodes, new SharedIds(input.seen));
  const cache = input.cache && new StatCache({ ...input.cache, startedMs });
  const walker: Walker = new Walker({
    profile,
    root,
    owners: readOwners(root),
    attributes: attributesFrom(input.attributes, profile, root),
    linked: new LinkedFiles(input.linked),
    cache,
    keepsMetas: input.attributes.type === 'kept',
    pace: {
      step: bytes => {
        const { files, bytesRead } = walker.counter.progress();
        Atomics.store(control, counts, files);
        Atomics.store(control, counts + 1, Math.floor(bytesRead / 1024));
        pace.step(bytes);
      },
    },
    key: input.key && Buffer.from(input.key),
    audit: auditRules(profile, input.audits),
    normalise: (content, rules) => normaliseText(content, rules, identity),
    sink: nodes,
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
        walker.take(message.away, answer => say({ type: 'answer', answer: answerTo(answer) }));
        run();
        return;
      case 'answered':
        walker.answered(answerFrom(message.answer));
        return;
      case 'end':
        nodes.flush();
        cache?.flush();
        say({
          type: 'ended',
          coverage: walker.counter.coverage(),
          bytesRead: walker.counter.progress().bytesRead,
          ...nodes.written(),
        });
    }
  };
  return (message: ToWorker): void => {
    try {
      receive(message);
    } catch (error) {
      // What was read until now does not have to be read again.
      cache?.flush();
      const isCancelled = error instanceof ScanCancelled;
      const { message = String(error), code } = error as NodeJS.ErrnoException;
      say({ type: 'failed', message, isCancelled, ...(code !== undefined && { code }) });
    }
  };
}

function attributesFrom(input: AttributesInput, profile: ScanProfile, root: string): Attributes {
  if (input.type === 'read') return input.table ? { type: 'read', at: attributesByPath(input.table) } : NO_ATTRIBUTES;
  const { program } = input;
  return program ? { type: 'asked', ask: createAsker(program, profile, root, readOwners(root)) } : NO_ATTRIBUTES;
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

/** A piece lives as long as one digest or name in it: in pieces of 64 KiB, Node's own, they hold 30 MB of what is long dead. */
const BUFFER_POOL_BYTES = 8 * 1024;

if (!isMainThread) {
  Buffer.poolSize = BUFFER_POOL_BYTES;
  const port = present(parentPort, 'port of a thread');
  const receive = work(workerData as WorkerInput, message => port.postMessage(message));
  port.on('message', receive);
}
