import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { CommandPlace } from '../platform/command.ts';
import { identify } from '../platform/process.ts';
import { resolveBelow } from '../platform/server-path.ts';
import { loadCollectors } from './collectors.ts';
import { claimStart, putResult, readInput, reserveResult, type StepInput, type StepResult } from './directory.ts';
import { type StepContext, StepFailed, type StepReport } from './executor.ts';
import { OutputKeeper } from './output.ts';
import { ownProcesses } from './process-group.ts';

/**
 * The child of a step: `tidemark-agent step DIR`. Leads a unit or a session of its own, does what `call.json` says, writes
 * `result.json` and ends. Nothing of it needs the agent, which may be gone meanwhile.
 */
export async function runStep(directory: string): Promise<void> {
  const input = await readInput(directory);
  const self = identify(process.pid);
  const processes = ownProcesses();
  if (input.work === 'call' && input.call.kind !== 'scan/run') leaveCompilersOut();
  reserveResult(directory);
  // Somebody was first: a recovery that took this child for lost, or a child before it.
  if (!self || !claimStart(directory, { process: self, unit: processes.unit })) return;
  // What asks the group to end is for what the step started; the step itself has a result to write.
  process.on('SIGTERM', () => undefined);
  const keeper = new OutputKeeper(directory);
  const timeout = new AbortController();
  const context = contextOf(input, directory, keeper, timeout.signal);
  const timer = setTimeout(() => {
    timeout.abort();
    processes.terminate();
  }, input.timeoutMs);
  const ended = work(input, context).then(
    done => ({ outcome: 'succeeded' as const, ...done }),
    (error: unknown) => ({ outcome: 'failed' as const, message: messageOf(error), facts: factsOf(error) }),
  );
  const end = await Promise.race([ended, timedOut(timeout.signal, input.graceMs)]);
  clearTimeout(timer);
  const late = timeout.signal.aborted;
  const output = keeper.finish();
  const result: StepResult = {
    // What came out well in spite of the timeout came out well.
    outcome: end?.outcome ?? 'failed',
    timedOut: late && end?.outcome !== 'succeeded',
    message:
      late && end?.outcome !== 'succeeded'
        ? `was ended after its timeout of ${input.timeoutMs} ms${end ? `: ${end.message}` : ''}`
        : (end?.message ?? ''),
    facts: end?.facts ?? null,
    output: output && {
      size: output.size,
      digest: output.digest.toString('base64'),
      head: output.head.toString('base64'),
      tail: output.tail.toString('base64'),
    },
  };
  putResult(directory, result);
  if (!late && input.work === 'call') return;
  // What is ended has no time to keep what it compiled.
  flushCompileCache();
  // Last, because it ends this process too. A step may leave a daemon behind, a look at the server nothing.
  processes.kill();
}

/**
 * V8's optimizing compilers take some 6 MB once they have something to do, and most steps wait for programs. Scans, which
 * compute by themselves, keep them.
 */
function leaveCompilersOut(): void {
  setFlagsFromString('--no-opt');
  setFlagsFromString('--no-maglev');
}

async function work(input: StepInput, context: StepContext): Promise<StepReport> {
  switch (input.work) {
    case 'call': {
      const { execute } = await import('./executors.ts');
      return execute(input.call, context);
    }
    case 'dry-run': {
      const { DryRunRequest } = await import('@tidemark/shared/orders/dry-run.ts');
      const { dryRun } = await import('./dry-run.ts');
      return dryRun(DryRunRequest.parse(input.request), context);
    }
    case 'facts':
      await context.lookAround();
      return { message: 'collected', facts: null };
  }
}

function contextOf(input: StepInput, directory: string, keeper: OutputKeeper, signal: AbortSignal): StepContext {
  const output = (data: Buffer) => keeper.add(data);
  const place = { root: input.root, output, signal, directory };
  return {
    root: input.root,
    stateDir: input.stateDir,
    directory,
    attempt: input.work === 'call' ? input.attempt : null,
    audits: input.work === 'call' ? (input.audits ?? []) : [],
    clock: systemClock,
    signal,
    place,
    resolve: serverPath => resolveBelow(input.root, serverPath),
    output,
    collectFacts: async only => (await loadCollectors()).collectFacts({ ...(await collecting(input, place)), only }),
    lookAround: async () => (await loadCollectors()).lookAround(await collecting(input, place), systemClock.now()),
  };
}

async function collecting({ root, stateDir, factsDir }: StepInput, place: CommandPlace) {
  const { loadSealingKeys, readSecretKeyStatement } = await loadCollectors();
  const sealingKey = loadSealingKeys(stateDir).publicKey.toString('base64');
  return { root, stateDir, factsDir, sealingKey, secretKey: readSecretKeyStatement(stateDir), place };
}

/** Null when the grace after the timeout is over too. */
const timedOut = (signal: AbortSignal, graceMs: number): Promise<null> =>
  new Promise(resolve =>
    signal.addEventListener('abort', () => setTimeout(() => resolve(null), graceMs), { once: true }),
  );

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || error.name;
}

const factsOf = (error: unknown) => (error instanceof StepFailed ? error.facts : null);
