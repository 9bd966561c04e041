import { credentials } from '@grpc/grpc-js';
import type { LinkStream } from '@tidemark/agent/link/connection.ts';
import { CHANNEL_OPTIONS } from '@tidemark/agent/link/grpc.ts';
import { type AgentMessage, LinkClient } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { afterEach } from 'vitest';
import { type Fleet, startAgentLink, startFleet } from './fleet-link.ts';

export const HELLO: AgentMessage = {
  body: {
    $case: 'hello',
    value: { protocolMin: 1, protocolMax: 1, agentVersion: '1', bootId: 'b', hostName: 'h' },
  },
};

/** Fleets, agents and clients that end with the test that started them. */
export function linkFixture() {
  const toClose: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const close of toClose.splice(0).reverse()) await close();
  });
  return {
    toClose,
    fleetWith: async (options: Parameters<typeof startFleet>[0] = {}): Promise<Fleet> => {
      const fleet = await startFleet(options);
      toClose.push(() => fleet.close());
      return fleet;
    },
    linkFor: (...[agent, options]: Parameters<typeof startAgentLink>) => {
      const started = startAgentLink(agent, options);
      toClose.push(() => started.link.stop());
      return started;
    },
    /** A client without any manners of an agent. */
    rawClient: (fleet: Fleet, identity: { keyPem: string; chainPem: string }, more: object = {}): LinkClient => {
      const channel = credentials.createSsl(
        Buffer.from(fleet.authority.rootPem),
        Buffer.from(identity.keyPem),
        Buffer.from(identity.chainPem),
      );
      const client = new LinkClient(`127.0.0.1:${fleet.linkPort}`, channel, { ...CHANNEL_OPTIONS, ...more });
      toClose.push(() => client.close());
      return client;
    },
  };
}

/** How a stream ends; what it says before is thrown away. */
export function statusOf(stream: LinkStream): Promise<{ code: number; details: string }> {
  stream.on('error', () => {});
  stream.resume();
  return new Promise(resolve => stream.on('status', resolve));
}

/** Waits that are short do not happen, and long ones do not end; each is noted. */
export function eagerSleep(noted: number[] = [], longMs = 1_000) {
  return async (ms: number, signal: AbortSignal): Promise<void> => {
    noted.push(ms);
    if (ms < longMs || signal.aborted) return;
    await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
  };
}
