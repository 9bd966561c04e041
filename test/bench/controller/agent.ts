import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FromExecutor, ToExecutor } from '@tidemark/agent/boundary/messages.ts';
import type { Identity } from '@tidemark/agent/link/identity.ts';
import { type AgentLink, createLink } from '@tidemark/agent/link/link.ts';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { type Digest, digestOf } from '@tidemark/shared/base/digest.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import { decodeOrder } from '@tidemark/shared/orders/order.ts';
import { orderDigest } from '@tidemark/shared/orders/plan.ts';
import type { Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import { Dispatch } from '@tidemark/shared/signing/dispatch.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { MadeUpHost } from './host.ts';

/*
 * An agent whose link is the real one and whose executor does nothing but say that it did: for as long as a job may take,
 * with as much output as such a job writes.
 */

export interface BenchAgentOptions {
  identity: Identity;
  stateDir: string;
  host: MadeUpHost;
  /** How long a job takes. */
  jobMs: number;
}

/** As the agent sends it, see agent/executor/live-output.ts. */
const CHUNK_BYTES = 16 * 1024;
/** Kept of a job's output with its result, on each end. */
const HEAD_BYTES = 64 * 1024;

export class BenchAgent {
  readonly #options: BenchAgentOptions;
  readonly #link: AgentLink;
  #sequence = 0;
  #spool: Report[] = [];
  #order: { digest: Digest; order: Order } | null = null;
  #frontier = 0;
  #position = 0;
  #isWorking = false;

  constructor(options: BenchAgentOptions) {
    this.#options = options;
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    this.#link = createLink({
      identity: options.identity,
      stateDir: options.stateDir,
      agent: { version: '0.1.0', bootId: 'boot-1', hostName: options.host.name },
      toExecutor: message => this.#take(message),
      uploadScan,
      clock: systemClock,
      random: Math.random,
      log: quiet,
    });
    this.#link.start();
  }

  get isConnected(): boolean {
    return this.#link.status().connected;
  }

  stop(): Promise<void> {
    return this.#link.stop();
  }

  #say(message: FromExecutor): void {
    this.#link.deliver(message);
  }

  #report(body: ReportBody): void {
    const report = { sequence: ++this.#sequence, atMs: Date.now(), body };
    this.#spool.push(report);
    this.#say({ type: 'report', report });
  }

  #take(message: ToExecutor): void {
    switch (message.type) {
      case 'connected':
        this.#spool = this.#spool.filter(({ sequence }) => sequence > message.acknowledged);
        this.#say({ type: 'standings', standings: [] });
        for (const report of this.#spool) this.#say({ type: 'report', report });
        return;
      case 'acknowledge':
        this.#spool = this.#spool.filter(({ sequence }) => sequence > message.sequence);
        return;
      case 'observe-facts':
        this.#say({ type: 'facts', request: message.request, atMs: Date.now(), facts: this.#options.host.facts() });
        return;
      case 'order-offer': {
        const digest = orderDigest(message.order);
        if (this.#order?.digest === digest) return;
        const order = decodeOrder(message.order);
        if (!order.ok) throw new Error(order.error);
        this.#order = { digest, order: order.value };
        this.#frontier = 0;
        this.#position = 0;
        this.#report({ type: 'order-accepted', orderDigest: digest });
        return;
      }
      case 'dispatch': {
        const envelope = parseEnvelope(message.envelope);
        if (!envelope.ok) throw new Error(envelope.error);
        const dispatch = Dispatch.parse(JSON.parse(Buffer.from(envelope.value.payload, 'base64').toString('utf8')));
        if (dispatch.order !== this.#order?.digest) return;
        this.#frontier = Math.max(this.#frontier, dispatch.frontier);
        void this.#work();
        return;
      }
      case 'scan-uploaded':
        rmSync(join(this.#options.stateDir, 'scans', message.scan), { recursive: true, force: true });
        return;
    }
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    const { digest, order } = present(this.#order, 'the order that is dispatched');
    while (this.#position < this.#frontier) await this.#run(digest, order, this.#position++);
    this.#isWorking = false;
    if (this.#position < order.jobs.length) return;
    this.#report({ type: 'order-finished', orderDigest: digest, direction: 'forward' });
  }

  async #run(digest: Digest, order: Order, job: number): Promise<void> {
    const { host, jobMs } = this.#options;
    const kind = present(order.jobs[job], `job ${job}`).call.kind;
    const of = { type: 'job', orderDigest: digest, job, attempt: 1, direction: 'forward' } as const;
    this.#report({ ...of, kind: 'started', message: '', facts: null, output: null });
    const bytes = outputOf(kind);
    for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
      const data = bytes.subarray(offset, offset + CHUNK_BYTES);
      this.#say({ type: 'output', orderDigest: digest, job, attempt: 1, offset, data });
      await delay(jobMs / 4);
    }
    await delay(jobMs);
    const facts = await this.#effectOf(kind, digest);
    host.did(kind);
    const [head, tail] = [bytes.subarray(0, HEAD_BYTES), bytes.subarray(HEAD_BYTES).subarray(-HEAD_BYTES)];
    const output =
      bytes.length > 0
        ? { size: bytes.length, digest: Buffer.from(digestOf(bytes).slice(7), 'hex'), head, tail }
        : null;
    this.#report({ ...of, kind: 'succeeded', message: `${kind} of ${host.name} is done`, facts, output });
  }

  async #effectOf(kind: string, digest: Digest): Promise<Record<string, unknown> | null> {
    if (kind !== 'scan/run') return null;
    const scan = randomUUID();
    const directory = join(this.#options.stateDir, 'scans', scan);
    this.#options.host.writeScan(directory, scan);
    this.#say({ type: 'scan-ready', scan, request: '', orderDigest: digest, directory });
    return { scan };
  }
}

/** Of apt's kind for what upgrades, a line or two for what only looks. */
function outputOf(kind: string): Buffer {
  if (kind === 'package/upgrade') return text(48 * 1024);
  if (kind === 'package/refresh' || kind === 'package/download') return text(4 * 1024);
  return kind.startsWith('check/') ? Buffer.alloc(0) : text(300);
}

const text = (bytes: number): Buffer => Buffer.from(randomBytes(bytes / 2).toString('hex'));
