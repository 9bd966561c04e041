import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import { digestToWire, knownToWire } from '@tidemark/shared/protocol/codec.ts';
import type { AgentMessage, ControllerMessage } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { OUTPUT_CREDIT_BYTES, OUTPUT_TOP_UP_BYTES, PROTOCOL } from '@tidemark/shared/protocol/limits.ts';
import { CallRefused } from './authorisation.ts';
import { Inbox } from './inbox.ts';
import type { Log } from './log.ts';
import type { AgentHello } from './messages.ts';
import type { Caller, LinkHandlers } from './ports.ts';
import { type FromAgent, readAgentMessage } from './wire.ts';

export type ConnectCall = ServerDuplexStream<AgentMessage, ControllerMessage>;

/** The first message of an honest agent comes with the connection. */
const HELLO_WITHIN_MS = 10_000;
/** Heartbeats that may be lost before silence is an end. */
const MISSED_HEARTBEATS = 3;
/** Reports that are handled, and so committed, together. */
const MAX_REPORTS_AT_ONCE = 64;
/** Messages that wait for an agent that does not read; above it, it is cut. */
const MAX_UNREAD_MESSAGES = 1024;

export interface SessionOptions {
  call: ConnectCall;
  caller: Caller;
  handlers: LinkHandlers;
  clock: Clock;
  log: Log;
  heartbeatMs: number;
  /** Takes the place of the session that the host has now; resolves when that one has ended. */
  takePlace: (session: Session) => Promise<void>;
  ended: (session: Session) => void;
}

/**
 * One agent's stream: `waiting` for its hello, `live` after the welcome, `over`. Every message is handled in the order
 * in which it came, and nothing is handled after the end.
 */
export class Session {
  readonly caller: Caller;
  readonly #options: SessionOptions;
  readonly #inbox: Inbox<FromAgent>;
  #state: 'waiting' | 'live' | 'over' = 'waiting';
  #paused = false;
  #heardAt: number;
  #spentCredit = 0;
  #finish: Promise<void> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.caller = options.caller;
    this.#heardAt = options.clock.monotonic();
    const { call } = options;
    this.#inbox = new Inbox<FromAgent>({
      batchable: message => message.type === 'report',
      maxBatch: MAX_REPORTS_AT_ONCE,
      handle: messages => this.#handle(messages),
      failed: error => this.#handlerFailed(error),
      pause: () => {
        this.#paused = true;
        call.pause();
      },
      resume: () => {
        this.#paused = false;
        this.#heardAt = options.clock.monotonic();
        call.resume();
      },
    });
    call.on('data', (message: AgentMessage) => this.#received(message));
    // Half-closed by the agent: it goes away in good order.
    call.on('end', () => this.end(null));
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => void this.#over());
  }

  /** Hands a message to the connection. False where there is no welcome yet, or no connection any more. */
  send(message: ControllerMessage): boolean {
    if (this.#state !== 'live') return false;
    if (this.#options.call.writableLength >= MAX_UNREAD_MESSAGES) {
      this.end(new CallRefused(status.RESOURCE_EXHAUSTED, 'the agent does not read what it is sent'));
      return false;
    }
    this.#options.call.write(message);
    return true;
  }

  /** Ends the stream with a status, or well (null). Resolves when what was being handled has been. */
  end(refusal: CallRefused | null): Promise<void> {
    if (this.#state !== 'over') {
      const { call, log, caller } = this.#options;
      if (refusal === null) call.end();
      else {
        log.warn({ host: caller.hostName, reason: refusal.details }, 'agent stream ended');
        call.emit('error', refusal);
      }
    }
    return this.#over();
  }

  /** Looks at the time: a hello that does not come, an agent that is silent, a certificate that has ended. */
  sweep(): void {
    const { clock, caller, heartbeatMs } = this.#options;
    const silentMs = clock.monotonic() - this.#heardAt;
    if (this.#state === 'waiting' && silentMs > HELLO_WITHIN_MS)
      void this.end(new CallRefused(status.DEADLINE_EXCEEDED, 'no hello came'));
    // While the stream is not read, the silence is ours.
    else if (!this.#paused && silentMs > MISSED_HEARTBEATS * heartbeatMs)
      void this.end(
        new CallRefused(status.DEADLINE_EXCEEDED, `nothing was heard for ${Math.round(silentMs / 1000)} s`),
      );
    else if (clock.now() >= caller.notAfterMs)
      void this.end(new CallRefused(status.UNAUTHENTICATED, 'the certificate of this connection has expired'));
  }

  #received(message: AgentMessage): void {
    if (this.#state === 'over') return;
    this.#heardAt = this.#options.clock.monotonic();
    const read = readAgentMessage(message);
    if (read.ok) this.#inbox.push(read.value);
    else void this.end(new CallRefused(status.INVALID_ARGUMENT, read.error.message));
  }

  async #handle(messages: FromAgent[]): Promise<void> {
    if (this.#state === 'over') return;
    const [message] = messages;
    if (message === undefined) return;
    if (this.#state === 'waiting') {
      if (message.type !== 'hello')
        throw new CallRefused(status.FAILED_PRECONDITION, 'the first message must be a hello');
      return this.#welcome(message.hello);
    }
    const { handlers, caller } = this.#options;
    switch (message.type) {
      case 'hello':
        throw new CallRefused(status.FAILED_PRECONDITION, 'a second hello on one stream');
      case 'report':
        return this.#reports(messages.flatMap(each => (each.type === 'report' ? [each.report] : [])));
      case 'heartbeat':
        return handlers.alive(caller);
      case 'standings':
        return handlers.standings(caller, message.standings);
      case 'facts':
        return handlers.facts(caller, message.facts);
      case 'facts-offer':
        return this.#want(await handlers.factsOffer(caller, message.offer));
      case 'sections':
        return this.#want(await handlers.sections(caller, message.sections));
      case 'scan-ready':
        return handlers.scanReady(caller, message.scan);
      case 'scan-failed':
        return handlers.scanFailed(caller, message);
      case 'dry-run':
        return handlers.dryRun(caller, message.dryRun);
      case 'output':
        await handlers.output(caller, message.output);
        return this.#credit(message.output.data.length);
    }
  }

  /** `waiting -> live`. */
  async #welcome(hello: AgentHello): Promise<void> {
    const { handlers, caller, call, heartbeatMs, log } = this.#options;
    const protocol = Math.min(PROTOCOL.max, hello.protocolMax);
    if (protocol < Math.max(PROTOCOL.min, hello.protocolMin)) {
      throw new CallRefused(
        status.FAILED_PRECONDITION,
        `the agent speaks versions ${hello.protocolMin} to ${hello.protocolMax} of the link, this controller ` +
          `${PROTOCOL.min} to ${PROTOCOL.max}: update the older of the two`,
      );
    }
    await this.#options.takePlace(this);
    const { acknowledged, inventory } = await handlers.hello(caller, hello);
    // It may have ended while the database answered.
    if (this.#isOver()) return;
    this.#state = 'live';
    log.info({ host: caller.hostName, agentVersion: hello.agentVersion, protocol }, 'agent connected');
    call.write({
      body: {
        $case: 'welcome',
        value: { protocol, heartbeatMs, acknowledged, inventory: knownToWire({ root: inventory }) },
      },
    });
    call.write({ body: { $case: 'outputCredit', value: { bytes: OUTPUT_CREDIT_BYTES } } });
  }

  /** Acknowledges after the commit, and only then. */
  async #reports(reports: Report[]): Promise<void> {
    const sequence = await this.#options.handlers.reports(this.caller, reports);
    this.send({ body: { $case: 'acknowledge', value: { sequence } } });
  }

  #want(digests: readonly Digest[]): void {
    if (digests.length > 0)
      this.send({ body: { $case: 'wantSections', value: { digests: digests.map(digestToWire) } } });
  }

  #credit(bytes: number): void {
    this.#spentCredit += bytes;
    if (this.#spentCredit < OUTPUT_TOP_UP_BYTES) return;
    this.send({ body: { $case: 'outputCredit', value: { bytes: this.#spentCredit } } });
    this.#spentCredit = 0;
  }

  #handlerFailed(error: unknown): void {
    if (error instanceof CallRefused) {
      void this.end(error);
      return;
    }
    this.#options.log.error({ host: this.caller.hostName, err: error }, 'what an agent said could not be handled');
    void this.end(
      new CallRefused(status.UNAVAILABLE, 'the controller could not store what was said: come back and say it again'),
    );
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }

  /** `waiting | live -> over`, once. */
  #over(): Promise<void> {
    this.#finish ??= this.#close();
    return this.#finish;
  }

  async #close(): Promise<void> {
    this.#state = 'over';
    // In a turn of its own: the end may come out of the inbox itself, which must not wait for itself.
    const closed = this.#inbox.close();
    this.#options.ended(this);
    await closed;
  }
}
