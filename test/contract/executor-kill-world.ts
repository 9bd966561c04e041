import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '@tidemark/agent/executor/journal.ts';
import { accepted, type Standing } from '@tidemark/shared/orders/frontier.ts';
import type { PlanOrder } from '@tidemark/shared/orders/plan.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { programOf } from '../support/built-programs.ts';
import { type Cell, type Edge, isSettled, keyOf, pathTo, type Variant } from './executor-kill-cells.ts';
import type { KillSetup } from './executor-kill-process.ts';
import { TestServer } from './executor-support.ts';

/* Where cells of the kill matrix run: a server's directories for each, real processes, and what is found afterwards. */

/** Long enough for a step that succeeds on a machine that is busy, and short enough to wait for. */
const HANG_MS = 3_000;
const GRACE_MS = 300;
const TIMEOUT_MS = 120_000;
const DAY_MS = 24 * 3_600_000;
/** A process that is not over by then never will be. */
const PROCESS_MS = 60_000;

/** Marks its beginning and does what it is told: once for each attempt, which the step's directory names. */
const STEP = `#!/bin/sh
for directory in ../state/steps/"$1-$2"-*; do attempt=\${directory##*/$1-$2-}; attempt=\${attempt%%-*}; done
case $2 in undo) key=undo-$1.$attempt ;; *) key=do-$1.$attempt ;; esac
echo "$key" >> marks
while [ ! -s "do/$key" ]; do sleep 0.05; done
read -r how < "do/$key"
case $how in pass) exit 0 ;; fail) exit 1 ;; esac
while :; do sleep 0.1; done
`;

export interface Ending {
  standing: Standing | undefined;
  /** `do 0.1 started`, `undo 1.1 failed`, `finished undo`: by sequence, each once. */
  story: string[];
  /** What programs ran, in order: `do-0.1`. */
  marks: string[];
  /** What must never be: reports that are missing, that changed, that refuse; directories that are left over. */
  wrong: string[];
}

export class KillWorld {
  readonly #base = mkdtempSync(join(tmpdir(), 'tidemark-kill-'));
  readonly #server = new TestServer();
  readonly #orders = new Map<string, { order: PlanOrder; approval: Buffer }>();
  readonly #snapshots = new Map<string, Promise<string>>();
  #directories = 0;

  async close(): Promise<void> {
    await this.#server.close();
    rmSync(this.#base, { recursive: true, force: true });
  }

  /** Runs the cell to its end and gives what is there then; throws where its moment never came. */
  async run(cell: Cell): Promise<Ending> {
    const { edge, variant, moment, path, again } = cell;
    const directory = join(this.#base, `cell-${++this.#directories}`);
    const settled = lastSettled(path);
    await this.#copy(variant, settled, directory);
    const rest = path.slice(path.findIndex(({ from }) => keyOf(from) === keyOf(settled)));
    const way = keyOf(settled) === keyOf(edge.from) ? [] : rest;
    const first = await this.#process(directory, variant, {
      path: [...way, edge],
      end: 'go on',
      kill: { edge, moment },
    });
    if (moment === 'alive') {
      if (first !== 'over') throw new Error(`should have come to its end by itself: ${first}`);
      return this.#endingOf(directory);
    }
    if (first !== 'killed') throw new Error(`never came to its moment: ${first}`);
    // What hangs goes on hanging.
    const onwards = { path: edge.cause === 'hangs' ? [edge] : [], end: 'go on' as const };
    if (again && (await this.#process(directory, variant, { ...onwards, kill: 'first write' })) !== 'killed')
      throw new Error('was to be killed once more, and had nothing to write');
    const last = await this.#process(directory, variant, { ...onwards, kill: null });
    if (last !== 'over') throw new Error(`did not come to an end after it was killed: ${last}`);
    const ending = this.#endingOf(directory);
    rmSync(directory, { recursive: true, force: true });
    return ending;
  }

  /** A server on which an order stands in this state, and nothing runs. */
  async #copy(variant: Variant, state: Standing, to: string): Promise<void> {
    const key = `${JSON.stringify(variant)} ${keyOf(state)}`;
    const made = this.#snapshots.get(key) ?? this.#make(variant, state);
    this.#snapshots.set(key, made);
    // Facts are collected beside the order, by children that may still be at it.
    const filter = (from: string) => !from.includes('/state/observe');
    cpSync(await made, to, { recursive: true, preserveTimestamps: true, filter });
  }

  async #make(variant: Variant, state: Standing): Promise<string> {
    const directory = join(this.#base, `snapshot-${++this.#directories}`);
    const path = pathTo(state, variant) ?? [];
    const before = path.length === 0 ? null : lastSettled(path.slice(0, -1));
    if (before === null) {
      mkdirSync(join(directory, 'root/bin'), { recursive: true });
      mkdirSync(join(directory, 'state'), { mode: 0o700 });
      writeFileSync(join(directory, 'root/bin/step'), STEP, { mode: 0o755 });
    } else await this.#copy(variant, before, directory);
    const from = path.findIndex(edge => before !== null && keyOf(edge.from) === keyOf(before));
    const ended = await this.#process(directory, variant, { path: path.slice(from), end: 'stop', kill: null });
    if (ended !== 'over') throw new Error(`cannot be brought to ${keyOf(state)}: ${ended}`);
    const found = this.#endingOf(directory);
    if (found.wrong.length > 0 || !found.standing || keyOf(found.standing) !== keyOf(state))
      throw new Error(`was to be brought to ${keyOf(state)}: ${JSON.stringify(found)}`);
    return directory;
  }

  #order(variant: Variant): { order: PlanOrder; approval: Buffer } {
    const key = JSON.stringify(variant);
    const known = this.#orders.get(key);
    if (known) return known;
    const jobs = [0, 1].map(job => ({
      id: `job${job}`,
      call: callOf(variant, String(job), 'forward'),
      undo: variant.undo ? callOf(variant, String(job), 'undo') : null,
      retries: { max: variant.retries[job] ?? 0, backoffMs: 0 },
      onFailure: variant.onFailure,
      timeoutMs: variant.hangs ? HANG_MS : TIMEOUT_MS,
    }));
    const order = this.#server.order(jobs);
    const made = { order, approval: this.#server.approval() };
    this.#orders.set(key, made);
    return made;
  }

  async #process(directory: string, variant: Variant, part: Pick<KillSetup, 'path' | 'end' | 'kill'>): Promise<string> {
    const { order, approval } = this.#order(variant);
    const { trustRoot, dispatchKey, hostId } = this.#server.setup();
    const setup: KillSetup = {
      stateDir: join(directory, 'state'),
      root: join(directory, 'root'),
      hostId,
      trustRoot,
      dispatchKey: Buffer.from(dispatchKey).toString('base64'),
      controllerKey: this.#server.controllerKey(),
      command: [process.execPath, '--disable-warning=ExperimentalWarning', programOf('agent')],
      launcher: 'session',
      graceMs: GRACE_MS,
      order: {
        digest: order.digest,
        bytes: Buffer.from(order.bytes).toString('base64'),
        proof: { ...order.proof, path: order.proof.path.map(each => Buffer.from(each).toString('base64')) },
        approval: approval.toString('base64'),
      },
      lateMs: DAY_MS,
      sent: join(directory, 'sent'),
      ...part,
    };
    const file = join(directory, 'setup.json');
    writeFileSync(file, JSON.stringify(setup));
    return processEnd(['--disable-warning=ExperimentalWarning', programOf('killed-executor'), file]);
  }

  #endingOf(directory: string): Ending {
    const state = join(directory, 'state');
    const journal = openJournal({
      file: join(state, 'journal.sqlite'),
      onFull: () => false,
      onReport: () => undefined,
      readOnly: true,
    });
    try {
      const [order] = journal.orders();
      const kept = journal.reportsAfter(0, 10_000).map(plain);
      const { reports, wrong } = heard(join(directory, 'sent'));
      const unheard = kept.filter((report, index) => JSON.stringify(report) !== JSON.stringify(reports[index]));
      wrong.push(...unheard.map(report => `the link did not hear ${JSON.stringify(report)}`));
      if (reports.length > kept.length) wrong.push('the link heard what the journal does not know');
      for (const row of journal.openSteps()) wrong.push(`step ${row.directory} has no result`);
      for (const name of readdirSync(join(state, 'steps'))) wrong.push(`the step's directory ${name} is left over`);
      wrong.push(...reports.flatMap(({ body }) => ('code' in body ? [`${body.type}: ${body.message}`] : [])));
      const marks = join(directory, 'root/marks');
      return {
        standing: order?.standing,
        story: reports.flatMap(({ body }) => storyOf(body)),
        marks: existsSync(marks) ? readFileSync(marks, 'utf8').trim().split('\n') : [],
        wrong,
      };
    } finally {
      journal.close();
    }
  }
}

const callOf = ({ steps }: Variant, ...args: string[]): Call => {
  const command: [string, ...string[]] = ['/bin/step', ...args];
  return steps === 'once'
    ? { kind: 'command/run', args: { command, expectStatus: [0] } }
    : { kind: 'check/command', args: { command, expectStatus: [0], expectText: null, withinMs: 0 } };
};

/** The last state on a path in which an order stays by itself. */
function lastSettled(path: readonly Edge[]): Standing {
  const states = [accepted(), ...path.map(({ to }) => to)];
  return states.findLast(isSettled) as Standing;
}

/** `over`, `killed`, or what went wrong. */
function processEnd(argv: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    let timedOut = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, PROCESS_MS);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (timedOut) resolve(`still running after ${PROCESS_MS} ms ${said}`);
      else if (signal === 'SIGKILL') resolve('killed');
      else resolve(code === 0 && said === '' ? 'over' : `status ${code ?? signal}: ${said}`);
    });
  });
}

/** What came to the link: by sequence, each once. A report that changed or that is missing is wrong. */
function heard(file: string): { reports: Report[]; wrong: string[] } {
  const wrong: string[] = [];
  const bySequence = new Map<number, string>();
  for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
    if (line === '') continue;
    const { sequence } = JSON.parse(line) as Report;
    const known = bySequence.get(sequence);
    if (known !== undefined && known !== line) wrong.push(`report ${sequence} was ${known} and then ${line}`);
    bySequence.set(sequence, line);
  }
  const sequences = [...bySequence.keys()].sort((a, b) => a - b);
  for (const [index, sequence] of sequences.entries())
    if (sequence !== index + 1) wrong.push(`report ${index + 1} never came, but ${sequence} did`);
  return { reports: sequences.map(each => JSON.parse(bySequence.get(each) ?? '') as Report), wrong };
}

const plain = (report: Report): Report => JSON.parse(JSON.stringify(report)) as Report;

function storyOf(body: Report['body']): string[] {
  if (body.type === 'order-finished') return [`finished ${body.direction}`];
  if (body.type !== 'job') return [];
  return [`${body.direction === 'undo' ? 'undo' : 'do'}-${body.job}.${body.attempt} ${body.kind}`];
}
