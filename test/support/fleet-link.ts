import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ToExecutor } from '@tidemark/agent/boundary/messages.ts';
import { enrol } from '@tidemark/agent/link/enrol.ts';
import { type Identity, loadIdentity } from '@tidemark/agent/link/identity.ts';
import { type AgentLink, createLink, type LinkOptions } from '@tidemark/agent/link/link.ts';
import { type Authority, authorityFrom } from '@tidemark/controller/enrolment/authority.ts';
import { openKeyFiles } from '@tidemark/controller/enrolment/key-files.ts';
import { createEnrolment, type EnrolmentService } from '@tidemark/controller/enrolment/service.ts';
import type { Caller, FindArtifact, FingerprintHandler, LinkHandlers } from '@tidemark/controller/link/ports.ts';
import { createLinkServer, type LinkServer } from '@tidemark/controller/link/server.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { CONTROLLER_SERVER_NAME } from '@tidemark/shared/protocol/limits.ts';
import { createEnrolmentMemory } from './enrolment-memory.ts';

/** The machine's clock, as far ahead as a test moves it. */
export class HandClock implements Clock {
  #aheadMs = 0;
  #jumpedMs = 0;
  now = () => Date.now() + this.#aheadMs + this.#jumpedMs;
  monotonic = () => performance.now() + this.#aheadMs;
  forward(ms: number): void {
    this.#aheadMs += ms;
  }
  /** Only the time of day, as when it is set. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }
  /** Back to the machine's time, by which TLS judges certificates. */
  reset(): void {
    this.#aheadMs = 0;
    this.#jumpedMs = 0;
  }
}

export const silentLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What was heard, in order, and promises for what is still to come. */
export class Heard<T> {
  readonly all: T[] = [];
  #waiting: (() => void)[] = [];

  add(item: T): void {
    this.all.push(item);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first that fits, now or later; the test's own time limit is the only one. */
  async until<S extends T>(fits: (item: T) => item is S): Promise<S>;
  async until(fits: (item: T) => boolean): Promise<T>;
  async until(fits: (item: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.all.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
  }
}

export type HandlerCall = {
  [K in keyof LinkHandlers]: { call: K; caller: Caller; value: unknown };
}[keyof LinkHandlers];

export interface Fleet {
  dir: string;
  clock: HandClock;
  authority: Authority;
  enrolment: EnrolmentService;
  memory: ReturnType<typeof createEnrolmentMemory>;
  server: LinkServer;
  heard: Heard<HandlerCall>;
  linkPort: number;
  enrolmentPort: number;
  enrolmentAddress: string;
  /** Enrols an agent with a token of its own. */
  agent(hostName: string): Promise<{ stateDir: string; identity: Identity; hostId: string }>;
  close(): Promise<void>;
}

/** A controller's agent side on 127.0.0.1, with records in memory and handlers that note what they are told. */
export async function startFleet(
  options: {
    handlers?: Partial<LinkHandlers>;
    findArtifact?: FindArtifact;
    fingerprintHandler?: FingerprintHandler;
  } = {},
): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'tidemark-link-'));
  const clock = new HandClock();
  const authority = await openAuthority(join(dir, 'controller'), 'test', clock);
  const memory = createEnrolmentMemory();
  const heard = new Heard<HandlerCall>();
  let linkPort = 0;
  const enrolment = createEnrolment({
    store: memory,
    authority,
    clock,
    linkAddress: () => `127.0.0.1:${linkPort}`,
    disconnect: (hostId, reason) => server.sessions.disconnect(hostId, reason),
  });
  const certificate = await authority.issueServer({
    commonName: 'controller',
    names: [CONTROLLER_SERVER_NAME],
    nowMs: clock.now(),
  });
  const note = (call: keyof LinkHandlers) => async (caller: Caller, value?: unknown) =>
    heard.add({ call, caller, value } as HandlerCall);
  const server = createLinkServer({
    identity: {
      identify: async der => {
        const holder = await enrolment.hostOf(der);
        return holder.ok ? holder : { ok: false, error: holder.error.message };
      },
      enrol: request => enrolment.enrol(request),
      renew: request => enrolment.renew(request),
      renewExpired: request => enrolment.renewExpired(request),
    },
    handlers: {
      hello: async (caller, hello) => {
        heard.add({ call: 'hello', caller, value: hello });
        return { acknowledged: 0, inventory: null };
      },
      reports: async (caller, reports) => {
        heard.add({ call: 'reports', caller, value: reports });
        return Math.max(...reports.map(report => report.sequence));
      },
      standings: note('standings'),
      facts: note('facts'),
      factsOffer: async (caller, offer) => {
        heard.add({ call: 'factsOffer', caller, value: offer });
        return offer.sections.map(({ digest }) => digest);
      },
      sections: async (caller, sections) => {
        heard.add({ call: 'sections', caller, value: sections });
        return [];
      },
      scanReady: note('scanReady'),
      scanFailed: note('scanFailed'),
      dryRun: note('dryRun'),
      output: note('output'),
      alive: note('alive'),
      gone: note('gone'),
      ...options.handlers,
    },
    findArtifact: options.findArtifact ?? (async () => null),
    fingerprintHandler: options.fingerprintHandler ?? (call => call.end()),
    credentials: { ...certificate, rootPem: authority.rootPem },
    link: { host: '127.0.0.1', port: 0 },
    enrolment: { host: '127.0.0.1', port: 0 },
    clock,
    log: silentLog,
  });
  const ports = await server.start();
  linkPort = ports.linkPort;
  const enrolmentAddress = `127.0.0.1:${ports.enrolmentPort}`;

  return {
    dir,
    clock,
    authority,
    enrolment,
    memory,
    server,
    heard,
    ...ports,
    enrolmentAddress,
    agent: async hostName => {
      const stateDir = join(dir, `agent-${hostName}-${randomBytes(3).toString('hex')}`);
      const token = await enrolment.issueToken({ hostName, by: 'test' });
      if (!token.ok) throw new Error(token.error.message);
      const enrolled = await enrol({ controller: enrolmentAddress, token: token.value.token, stateDir, hostName });
      if (!enrolled.ok) throw new Error(enrolled.error.message);
      const identity = loadIdentity(stateDir);
      if (!identity.ok) throw new Error(identity.error);
      return { stateDir, identity: identity.value, hostId: enrolled.value.hostId };
    },
    close: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The authority of a state directory, which is made where there is none. */
export async function openAuthority(stateDir: string, fleet: string, clock: Clock): Promise<Authority> {
  const files = await openKeyFiles({ stateDir, fleet, nowMs: clock.now() });
  if (!files.ok) throw new Error(files.error);
  return authorityFrom(files.value);
}

/** A link without an executor: what it would be told is heard. */
export function startAgentLink(
  agent: { stateDir: string; identity: Identity },
  options: Partial<LinkOptions> = {},
): { link: AgentLink; heard: Heard<ToExecutor> } {
  const heard = new Heard<ToExecutor>();
  const link = createLink({
    identity: agent.identity,
    stateDir: agent.stateDir,
    agent: { version: '0.1.0', bootId: 'boot-1', hostName: 'test' },
    toExecutor: message => heard.add(message),
    uploadScan: async () => ({ ok: true, value: null }),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    random: () => 0,
    log: silentLog,
    ...options,
  });
  link.start();
  return { link, heard };
}
