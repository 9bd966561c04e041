import { type ChildProcess, fork } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromExecutor, ToExecutor } from '@tidemark/agent/boundary/messages.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Amendment, AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import type { Job, Order } from '@tidemark/shared/orders/order.ts';
import { encodePlan, openPlan, type PlanOrder } from '@tidemark/shared/orders/plan.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import { stepKinds } from '@tidemark/shared/orders/step-kinds.ts';
import { signAmendment } from '@tidemark/shared/signing/amendment.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import { type Dispatch, signDispatch } from '@tidemark/shared/signing/dispatch.ts';
import { type Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { programOf } from '../support/built-programs.ts';

/* A server with an executor in a process of its own, and a link that is this test. */

const FLEET = 'test';
const HOUR_MS = 3_600_000;

/** What the process gets; what is not here has a default there. */
export interface ExecutorSetup {
  stateDir: string;
  root: string;
  hostId: string;
  trustRoot: TrustRoot;
  dispatchKey: Uint8Array;
  command: [string, ...string[]];
  graceMs: number;
  /** What the server's policy permits. */
  kinds: readonly string[];
  /** A file with the milliseconds by which its wall clock is ahead. */
  wallClock: string;
  /** As long as there is this file, its journal has no room. */
  noRoom: string;
}

export interface Mount {
  path: string;
  /** As mount's tmpfs has it: `4m`. */
  size: string;
  /** A file system with a device of its own, which becomes read-only when it fails; a tmpfs where it is left out. */
  type?: 'ext4';
}

/** In a shell. */
function mountCommand({ path, size, type }: Mount): string {
  const memory = `mount -t tmpfs -o size=${size} tmpfs '${path}'`;
  if (type === undefined) return memory;
  const disk = `${path}/disk`;
  const make = `truncate -s ${size} '${disk}' && mkfs.ext4 -q '${disk}'`;
  return `${memory} && ${make} && mount -o loop,errors=remount-ro '${disk}' '${path}'`;
}

type JobPart = Partial<Omit<Job, 'call'>> & Pick<Job, 'id' | 'call'>;

export class TestServer {
  readonly base = mkdtempSync(join(tmpdir(), 'tidemark-executor-'));
  readonly root = join(this.base, 'root');
  readonly stateDir = join(this.base, 'state');
  readonly hostId = randomUUID();
  readonly fleet = FLEET;
  readonly messages: FromExecutor[] = [];
  /** What it said before it ended by itself. */
  broken: string | null = null;
  readonly #approver = generateKeyPairSync('ed25519');
  readonly #controller = generateKeyPairSync('ed25519');
  #process: ChildProcess | null = null;
  #sequence = 0;

  readonly #agent: string;

  readonly #kinds: readonly string[];

  /** `agent`: the program that steps are started with; `kinds`: what the server's policy permits. */
  constructor({ agent = programOf('agent'), kinds = stepKinds }: { agent?: string; kinds?: readonly string[] } = {}) {
    this.#agent = agent;
    this.#kinds = kinds;
    mkdirSync(join(this.root, 'bin'), { recursive: true });
    mkdirSync(this.stateDir, { mode: 0o700 });
  }

  get hasEnded(): boolean {
    return this.#process?.exitCode !== null;
  }

  get pid(): number {
    return present(this.#process?.pid, 'the executor process');
  }

  setup(): ExecutorSetup {
    return {
      stateDir: this.stateDir,
      root: this.root,
      hostId: this.hostId,
      dispatchKey: rawPublicKey(this.#controller.publicKey),
      command: [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        '--max-semi-space-size=1',
        '--heap-growing-percent=20',
        '--no-memory-protection-keys',
        this.#agent,
      ],
      graceMs: 500,
      kinds: this.#kinds,
      wallClock: join(this.base, 'wall-clock'),
      noRoom: join(this.base, 'no-room'),
      trustRoot: {
        format: 'tidemark/trust-root/v1',
        fleet: FLEET,
        version: 1,
        approvers: [
          {
            name: 'approver',
            publicKey: rawPublicKey(this.#approver.publicKey).toString('base64'),
            classes: ['observe', 'patch', 'command'],
          },
        ],
        thresholds: { observe: 0, patch: 1, command: 1 },
      },
    };
  }

  /** With `mounts`, in a mount namespace of its own in which small file systems lie at these paths (root only). */
  async start(mounts: readonly Mount[] = []): Promise<void> {
    const node = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--heap-growing-percent=20'];
    const mount = mounts.map(each => `${mountCommand(each)} && `).join('');
    const child = fork(programOf('executor'), {
      serialization: 'advanced',
      ...(mounts.length === 0
        ? { execArgv: node }
        : { execPath: 'unshare', execArgv: ['-m', 'sh', '-c', `${mount}exec "$@"`, 'sh', process.execPath, ...node] }),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process = child;
    child.on('message', (message: FromExecutor | { type: 'ready' } | { type: 'broken'; message: string }) => {
      if (message.type === 'broken') this.broken = message.message;
      else if (message.type !== 'ready') this.messages.push(message);
    });
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (message: { type: string }) => message.type === 'ready' && resolve());
      child.once('exit', () => reject(new Error('the executor process ended')));
    });
    child.send(this.setup());
    await ready;
    this.send({ type: 'connected', acknowledged: 0, known: null });
  }

  /** Sets the executor's wall clock that far ahead of this machine's, or behind it; no other clock moves. */
  setClock(aheadMs: number): void {
    const { wallClock } = this.setup();
    writeFileSync(`${wallClock}.new`, String(aheadMs));
    renameSync(`${wallClock}.new`, wallClock);
  }

  /** Ends the executor at once, as a crash would: its steps are not asked. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.base, { recursive: true, force: true });
  }

  send(message: ToExecutor): void {
    present(this.#process, 'the executor process').send(message);
  }

  /** A program on the server, as orders name it. */
  program(name: string, ...lines: string[]): string {
    const file = join(this.root, 'bin', name);
    writeFileSync(file, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(file, 0o755);
    return `/bin/${name}`;
  }

  read(file: string): string {
    const path = join(this.root, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  order(jobs: readonly JobPart[]): PlanOrder {
    const now = Date.now();
    const order: Order = {
      format: 'tidemark/order/v1',
      fleet: FLEET,
      host: { id: this.hostId, name: 'web01' },
      plan: { name: 'night', compiledAt: now },
      jobs: jobs.map(job => ({
        step: 'step',
        name: `do ${job.id}`,
        component: null,
        reason: 'a test',
        undo: null,
        timeoutMs: 20_000,
        expectedMs: 100,
        retries: { max: 0, backoffMs: 0 },
        onFailure: 'hold',
        notBefore: 0,
        notAfter: now + HOUR_MS,
        ...job,
      })),
    };
    const plan = openPlan(
      encodePlan(
        {
          format: 'tidemark/plan/v1',
          name: 'night',
          fleet: FLEET,
          author: 'test',
          compiledAt: now,
          policy: { name: 'p', owner: 'o', digest: `sha256:${'0'.repeat(64)}` },
          landscapeVersion: 1,
          bundle: { name: 'b', digest: `sha256:${'0'.repeat(64)}` },
          window: { start: now, end: now + HOUR_MS, reserveMs: 0, timezone: 'UTC' },
          hosts: [
            {
              id: this.hostId,
              name: 'web01',
              application: null,
              tiers: [],
              cluster: null,
              clusterRole: null,
              wave: 'all',
              unit: 'web01',
              changes: [],
            },
          ],
          waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0 }],
          precedences: [],
          limits: [],
          clusters: [],
          budgets: [],
          approvals: [],
          excluded: [],
        },
        [order],
      ),
    );
    if (!plan.ok) throw new Error(plan.error);
    this.#plan = plan.value.digest;
    return present(plan.value.orders[0], 'order');
  }

  #plan: Digest = `sha256:${'0'.repeat(64)}`;

  /** PEM of the key that dispatches are signed with, for a test that is the controller elsewhere. */
  controllerKey(): string {
    return this.#controller.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** For the order that was made last. */
  approval(): Buffer {
    const now = Date.now();
    const approval = signApproval(
      {
        format: 'tidemark/approval/v1',
        fleet: FLEET,
        plan: this.#plan,
        gate: 'plan',
        approvedAt: now,
        expiresAt: now + HOUR_MS,
      },
      this.#approver.privateKey,
    );
    return encodeEnvelope(approval);
  }

  offer({ bytes, proof }: Pick<PlanOrder, 'bytes' | 'proof'>): void {
    this.send({ type: 'order-offer', order: bytes, proof, approvals: [this.approval()] });
  }

  dispatch(order: Digest, part: Partial<Dispatch>): Buffer {
    this.#sequence += 1;
    const now = Date.now();
    const envelope = encodeEnvelope(
      signDispatch(
        {
          format: 'tidemark/dispatch/v1',
          host: this.hostId,
          order,
          direction: 'forward',
          frontier: 0,
          epoch: 1,
          sequence: this.#sequence,
          issuedAt: now,
          expiresAt: now + 60_000,
          ...part,
        },
        this.#controller.privateKey,
      ),
    );
    this.send({ type: 'dispatch', envelope });
    return envelope;
  }

  /** Signs something as the approver, or as somebody else. */
  sign(signing: (keys: readonly KeyObject[]) => Envelope, by: KeyObject = this.#approver.privateKey): Envelope {
    return signing([by]);
  }

  /** What the approver decides beyond an order. */
  amend(
    { digest, order }: PlanOrder,
    action: AmendmentAction,
    job: string | null,
    part: Partial<Amendment> = {},
  ): void {
    const now = Date.now();
    const amendment: Amendment = {
      ...{ format: 'tidemark/amendment/v1', fleet: FLEET, host: order.host.id, order: digest, action, job },
      ...{ reason: 'because I looked', issuedAt: now, expiresAt: now + HOUR_MS, ...part },
    };
    const envelope = encodeEnvelope(signAmendment(amendment, [this.#approver.privateKey]));
    this.send({ type: 'amendment', envelope });
  }

  /** `retry taken`, `skip not-now`: what became of amendments. */
  amended(): string[] {
    return this.reports().flatMap(({ body }) =>
      body.type === 'amended' ? [`${body.action} ${body.refused?.code ?? 'taken'}`] : [],
    );
  }

  /** Offers the order and lets all of it run. */
  runAll(order: PlanOrder): void {
    this.offer(order);
    this.dispatch(order.digest, { frontier: order.order.jobs.length });
  }

  /** In the order of their sequence, each once. */
  reports(): Report[] {
    const bySequence = new Map<number, Report>();
    for (const message of this.messages)
      if (message.type === 'report') bySequence.set(message.report.sequence, message.report);
    return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
  }

  /** `a started`, `a succeeded`, `undo b succeeded`, `finished forward`: what the reports say of an order. */
  story(order: PlanOrder): string[] {
    return this.reports().flatMap(({ body }) => {
      if (body.type === 'job' && body.orderDigest === order.digest) {
        const job = order.order.jobs[body.job]?.id;
        return [`${body.direction === 'undo' ? 'undo ' : ''}${job} ${body.kind}`];
      }
      return body.type === 'order-finished' && body.orderDigest === order.digest ? [`finished ${body.direction}`] : [];
    });
  }

  jobReport(order: PlanOrder, id: string, kind: string) {
    for (const { body } of this.reports()) {
      if (body.type === 'job' && order.order.jobs[body.job]?.id === id && body.kind === kind) return body;
    }
    throw new Error(`no report says that ${id} ${kind}: ${this.story(order).join(', ')}`);
  }
}

/** Waits for a state, not for a time; the test's own time limit ends it. */
export async function until(what: string, holds: () => boolean, withinMs = 120_000): Promise<void> {
  const begun = performance.now();
  while (!holds()) {
    if (performance.now() - begun > withinMs) throw new Error(`this never came: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
