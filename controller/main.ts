import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { CONTROLLER_SERVER_NAME } from '@tidemark/shared/protocol/limits.ts';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { consoleDirectory } from './api/console/assets.ts';
import { createApiServer } from './api/server.ts';
import { fragmentOfEnvironment, fragmentOfFile, mergeFragments } from './config/fragments.ts';
import { type Settings, settingsOf } from './config/settings.ts';
import { formatDocumentError } from './documents/errors.ts';
import { authorityFrom } from './enrolment/authority.ts';
import { openKeyFiles } from './enrolment/key-files.ts';
import { createFingerprintHandler } from './link/fingerprint.ts';
import { createLinkServer, type LinkServer } from './link/server.ts';
import { deliverLoop } from './loops/deliver.ts';
import type { Loop, LoopLog } from './loops/every.ts';
import { groupsLoop } from './loops/groups.ts';
import { housekeepingLoop } from './loops/housekeeping.ts';
import { inventoryRoundsLoop } from './loops/inventory-rounds.ts';
import { schedulesLoop } from './loops/schedules.ts';
import { tickLoop } from './loops/tick.ts';
import { reachable } from './probes/reachable.ts';
import { openArtifactFiles } from './store/artifact-files.ts';
import { createAuditLog } from './store/audit.ts';
import { readChanges } from './store/changes.ts';
import { createDeliveryStore } from './store/delivery.ts';
import { openStore } from './store/store.ts';
import { CONTROLLER_VERSION } from './version.ts';
import { apiServices } from './wiring/api-services.ts';
import { type Capabilities, createCapabilities } from './wiring/capabilities.ts';
import { findArtifactOf } from './wiring/find-artifact.ts';
import { identityPort, linkHandlers } from './wiring/link-handlers.ts';
import { listenProblem, portProblems } from './wiring/ports.ts';
import { refreshFacts } from './wiring/refresh-facts.ts';

/** Why the controller cannot start: said to a person, without a stack. */
export class StartRefused extends Error {
  override name = 'StartRefused';
}

/** Runs the controller until it gets SIGTERM or SIGINT. Rejects with a message for people where it cannot start. */
export async function runController(options: { state: string; config?: string }): Promise<void> {
  const controller = await startController(await readSettings(options));
  await new Promise<void>(stop => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop());
  });
  await controller.stop();
}

async function readSettings({ state, config }: { state: string; config?: string }): Promise<Settings> {
  const file = config === undefined ? { ok: true as const, value: {} } : fragmentOfFile(await readText(config), config);
  if (!file.ok) throw new StartRefused(file.error.map(formatDocumentError).join('\n'));
  const settings = settingsOf(
    mergeFragments(file.value, fragmentOfEnvironment(process.env), { stateDir: resolve(state) }),
  );
  if (!settings.ok) throw new StartRefused(settings.error.join('\n'));
  return settings.value;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new StartRefused(`the settings cannot be read: ${(error as Error).message}`);
  }
}

/** Starts every part, the ones that others need first; stops them in the other order, also when a start fails. */
async function startController(settings: Settings): Promise<{ stop(): Promise<void> }> {
  const log = pino(
    { level: settings.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(2),
  );
  const clock = systemClock;
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const part of stops.splice(0).reverse()) await part();
  };
  try {
    const taken = await portProblems(settings);
    if (taken.length > 0) throw new StartRefused(taken.join('\n'));
    await mkdir(settings.stateDir, { recursive: true });
    const keys = await openKeyFiles({ stateDir: settings.stateDir, fleet: settings.fleet, nowMs: clock.now() });
    if (!keys.ok) throw new StartRefused(keys.error);
    const authority = await authorityFrom(keys.value);
    const store = await openStore({
      stateDir: settings.stateDir,
      databaseUrl: settings.databaseUrl,
      onTrouble: message => log.error({}, message),
    });
    stops.push(() => store.close());

    const files = openArtifactFiles(join(settings.stateDir, 'artifacts'));
    const loops: Loop[] = [];
    const wake = () => {
      for (const loop of loops) loop.wake();
    };
    let link: LinkServer | null = null;
    let linkPort = settings.link.port;
    const names = [
      ...settings.publicNames,
      settings.api.host,
      settings.link.host,
      settings.enrolment.host,
      'localhost',
      '127.0.0.1',
      '::1',
    ];
    const capabilities = createCapabilities({
      store,
      files,
      authority,
      clock,
      linkAddress: () => `${settings.publicNames[0] ?? settings.link.host}:${linkPort}`,
      disconnect: (hostId, reason) => link?.sessions.disconnect(hostId, reason),
      send: (hostId, message) => link?.sessions.send(hostId, message) ?? false,
      wake,
      silenceMs: settings.silenceMs,
      gateNetworks: settings.gateNetworks,
      repositoryNetworks: settings.repositoryNetworks,
      repositoryDirectory: join(settings.stateDir, 'uploads'),
      landscape: {
        mayReach: reachable(settings.landscapeNetworks),
        directories: settings.landscapeDirectories,
        programs: settings.landscapePrograms,
        secretDirectory: join(settings.stateDir, 'secrets'),
        environment: process.env,
      },
      onError: error => log.error({ err: error }, 'an import of a repository failed'),
    });
    await capabilities.enrolment.forgetConnections();
    await capabilities.access.ensureAdmin(token => writeSecret(join(settings.stateDir, 'admin.token'), token));
    const certificate = await authority.issueServer({
      commonName: CONTROLLER_SERVER_NAME,
      names: [...new Set([CONTROLLER_SERVER_NAME, ...names])],
      nowMs: clock.now(),
    });

    link = createLinkServer({
      identity: identityPort(capabilities),
      handlers: linkHandlers(capabilities, {
        clock,
        connected: wake,
        askForFacts: async hostId => {
          const known = await capabilities.inventory.rootOf(hostId);
          link?.sessions.send(hostId, { type: 'observe-facts', request: '', known });
        },
      }),
      findArtifact: findArtifactOf(store, files),
      fingerprintHandler: createFingerprintHandler({ open: capabilities.verification.openUpload, log }),
      credentials: { ...certificate, rootPem: authority.rootPem },
      link: settings.link,
      enrolment: settings.enrolment,
      clock,
      log,
    });
    const { sessions } = link;
    stops.push(link.stop);
    const ports = await link.start();
    linkPort = ports.linkPort;

    const delivery = createDeliveryStore(store);
    const deliver = deliverLoop({
      ...{ store: delivery, sessions, knownRoot: capabilities.inventory.rootOf },
      ...{ dispatchKey: authority.dispatchKey, clock, log },
    });
    const tick = tickLoop(capabilities.orchestrator, log, { intervalMs: settings.tickMs, after: deliver.wake });
    const housekeeping = housekeepingLoop({
      store: delivery,
      clearFingerprints: capabilities.clearFingerprints,
      forgetRead: capabilities.forgetRead,
      forgetFacts: capabilities.inventory.forgetUntil,
      clock,
      log,
    });
    const groups = groupsLoop(capabilities.queries, log);
    const schedules = schedulesLoop(capabilities.scheduling, log);
    const rounds = inventoryRoundsLoop({ sessions, inventory: capabilities.inventory, clock, log });
    const closing = new AbortController();
    const landscapes = schedulesLoop({ round: () => capabilities.landscapeSources.round(closing.signal) }, log);
    loops.push(tick, deliver);
    const stopLandscapes = () => {
      // A source may be slow; who ends the controller does not wait for it.
      closing.abort();
      return landscapes.stop();
    };
    stops.push(deliver.stop, tick.stop, rounds.stop, schedules.stop, stopLandscapes, groups.stop, housekeeping.stop);

    const uploads = join(settings.stateDir, 'uploads');
    // What a process that was killed left behind.
    await rm(uploads, { recursive: true, force: true });
    await mkdir(uploads, { mode: 0o700 });
    const api = await createApiServer({
      services: apiServices(capabilities, {
        clock,
        fleet: settings.fleet,
        version: CONTROLLER_VERSION,
        ping: () => store.db.execute(sql`select 1`),
        refreshFacts: () => refreshFacts({ sessions, inventory: capabilities.inventory, clock }),
        audit: createAuditLog(store.db),
        changes: () => readChanges(store.db),
      }),
      authoriser: capabilities.access,
      tls: { key: certificate.keyPem, cert: certificate.chainPem },
      uploadDirectory: uploads,
      consoleDirectory: consoleDirectory(),
      clock,
      onError: (error, request) => log.error({ err: error, ...request }, 'a request failed'),
    });
    stops.push(api.close);
    const { url } = await api.listen(settings.api).catch(error => {
      throw new StartRefused(listenProblem('apiListen', settings.api, error as NodeJS.ErrnoException));
    });
    log.info(
      { url, link: ports.linkPort, enrolment: ports.enrolmentPort, fleet: settings.fleet },
      'the controller is ready',
    );
    stops.push(readAhead(capabilities.identification, log));
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the library of signatures behind the start; gives what ends that. */
function readAhead({ prepare }: Pick<Capabilities['identification'], 'prepare'>, log: LoopLog): () => Promise<void> {
  const ending = new AbortController();
  const reading = prepare(ending.signal).catch((error: unknown) => {
    if (!ending.signal.aborted)
      log.error({ err: error }, 'the library of signatures was not read ahead: the next question reads it');
  });
  return async () => {
    ending.abort();
    await reading;
  };
}

/** For its owner's eyes; whole or not at all. */
async function writeSecret(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await rm(fresh, { force: true });
  const handle = await open(fresh, 'wx', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
