import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import type { AgentMessage, ControllerMessage } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { PROTOCOL } from '@tidemark/shared/protocol/limits.ts';
import type { ToExecutor } from '../boundary/messages.ts';
import type { CallError } from './grpc.ts';
import { Outgoing } from './outgoing.ts';
import { type ForController, type ForLink, readControllerMessage } from './wire.ts';

export type LinkStream = ClientDuplexStream<AgentMessage, ControllerMessage>;

export interface ConnectionOptions {
  stream: LinkStream;
  agent: { version: string; bootId: string; hostName: string };
  toExecutor: (message: ToExecutor) => void;
  welcomed: (welcome: { heartbeatMs: number }) => void;
}

/** One stream to the controller: `greeting` until the welcome, `up` until `over`. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly ended: Promise<CallError>;
  #outgoing: Outgoing | null = null;
  #over = false;
  #malformed: string | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { stream, agent } = options;
    this.ended = new Promise(resolve => {
      stream.on('status', ({ code, details }: ServiceError) => {
        this.#over = true;
        resolve(this.#malformed === null ? { code, details } : { code: status.INTERNAL, details: this.#malformed });
      });
    });
    // The status says the same; without a listener an error would end the process.
    stream.on('error', () => {});
    stream.on('data', (message: ControllerMessage) => this.#received(message));
    stream.write({
      body: {
        $case: 'hello',
        value: {
          protocolMin: PROTOCOL.min,
          protocolMax: PROTOCOL.max,
          agentVersion: agent.version,
          bootId: agent.bootId,
          hostName: agent.hostName,
        },
      },
    });
  }

  get isUp(): boolean {
    return this.#outgoing !== null && !this.#over;
  }

  /** Does nothing where the connection is not up: what counts is said again after the next welcome. */
  send(message: ForController): void {
    if (this.isUp) this.#outgoing?.send(message);
  }

  heartbeat(monotonicMs: number): void {
    if (this.isUp) this.#outgoing?.heartbeat(monotonicMs);
  }

  /** In good order: what was written is sent. */
  end(): void {
    if (!this.#over) this.#options.stream.end();
  }

  cut(): void {
    this.#options.stream.cancel();
  }

  #received(message: ControllerMessage): void {
    if (this.#over) return;
    const read = readControllerMessage(message);
    if (!read.ok) {
      this.#malformed = `the controller sent what this agent cannot read: ${read.error.message}`;
      this.cut();
      return;
    }
    const { toExecutor } = this.#options;
    if (read.value.type === 'welcome') {
      this.#welcome(read.value);
      return;
    }
    if (read.value.type === 'acknowledge') this.#outgoing?.acknowledged(read.value.sequence);
    toExecutor(read.value);
  }

  /** `greeting -> up`. */
  #welcome(welcome: ForLink): void {
    if (this.#outgoing !== null) return;
    const { stream, toExecutor, welcomed } = this.#options;
    const writer = {
      write: (message: AgentMessage) => stream.write(message),
      onDrain: (listener: () => void) => void stream.on('drain', listener),
    };
    const connected = (acknowledged: number) => toExecutor({ type: 'connected', acknowledged, known: welcome.known });
    this.#outgoing = new Outgoing(writer, welcome.acknowledged, connected);
    welcomed(welcome);
    connected(welcome.acknowledged);
  }
}
