import { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import { JobState } from '@tidemark/shared/orders/job-state.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { z } from 'zod';
import { DigestParam, Direction, HostName, Instant, RunId } from './common.ts';
import { route } from './route.ts';

export const RunState = z.enum(['running', 'paused', 'stopping', 'undoing', 'succeeded', 'failed', 'stopped']);
export type RunState = z.infer<typeof RunState>;

export const HostRunState = z.enum([
  /** Its turn has not come. */
  'waiting',
  'running',
  /** Something released has to wait for something else. */
  'holding',
  /** A person has to decide. */
  'held',
  'undoing',
  'succeeded',
  'failed',
  'undone',
  'skipped',
  'refused',
]);
export type HostRunState = z.infer<typeof HostRunState>;

export const RunSummary = z.object({
  id: z.string(),
  plan: z.string(),
  name: z.string(),
  state: RunState,
  /** One sentence: why it is in this state. Empty where nothing has to be said. */
  reason: z.string(),
  startedBy: z.string(),
  startedAt: Instant,
  endedAt: Instant.nullable(),
});
export type RunSummary = z.input<typeof RunSummary>;

export const RunJob = z.object({
  position: z.int(),
  job: z.string(),
  step: z.string(),
  /** For people: `stop database orders-db on db01`. */
  name: z.string(),
  state: JobState,
  direction: Direction,
  attempt: z.int(),
  /** How many there may be. */
  attempts: z.int().optional(),
  message: z.string(),
  expectedMs: z.int(),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
});
export type RunJob = z.input<typeof RunJob>;

export const RunHost = z.object({
  host: z.string(),
  hostId: z.string(),
  wave: z.string(),
  state: HostRunState,
  /** Why: what it waits for, why it is held, why it refused. Empty where nothing has to be said. */
  reason: z.string(),
  connected: z.boolean(),
  /** Jobs below this position may run. */
  frontier: z.int(),
  direction: Direction,
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  expectedEndAt: Instant.nullable(),
  jobs: z.array(RunJob),
});
export type RunHost = z.input<typeof RunHost>;

export const RunWave = z.object({
  name: z.string(),
  state: z.enum(['waiting', 'open', 'soaking', 'ended']),
  openedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
});
export type RunWave = z.input<typeof RunWave>;

export const RunView = RunSummary.extend({
  window: z.object({ start: Instant, end: Instant }),
  expectedEndAt: Instant.nullable(),
  waves: z.array(RunWave),
  hosts: z.array(RunHost),
  openIncidents: z.int(),
  /** The controller's time when it looked: elapsed times are against this, not the reader's clock. */
  asOf: Instant,
});
export type RunView = z.input<typeof RunView>;

/** The format that reports and tests build on. Job events have host, job, step and attempt. */
export const RunEvent = z.object({
  id: z.int(),
  at: Instant,
  run: z.string(),
  host: z.string().nullable(),
  job: z.string().nullable(),
  step: z.string().nullable(),
  /** Of a job: `released`, `started` or how it ended. Of the run, a wave or a host: other words. */
  event: z.string(),
  attempt: z.int().nullable(),
  direction: Direction.nullable(),
  message: z.string(),
});
export type RunEvent = z.input<typeof RunEvent>;

/** What is kept of a job's output: its first and last bytes, and the digest of all of it. */
export const JobOutput = z.object({
  run: z.string(),
  host: z.string(),
  position: z.int(),
  job: z.string(),
  direction: Direction,
  state: JobState,
  attempt: z.int(),
  message: z.string(),
  /** Bytes in all; null where no output has come. */
  size: z.int().nullable(),
  digest: z.string().nullable(),
  head: z.base64(),
  tail: z.base64(),
});
export type JobOutput = z.input<typeof JobOutput>;

/** 25 s: below the 30 s after which proxies between client and controller give up by default. */
export const MAX_WAIT_SECONDS = 25;
export const MAX_EVENTS_PAGE = 1_000;

const RunParams = z.strictObject({ run: RunId });
const Reason = z.strictObject({ reason: z.string().max(1_024).default('') });
const StopRequest = Reason.extend({ undo: z.boolean().default(false) });

const WaveName = z.string().min(1).max(256);

/** On its way to the host, which judges it by itself. */
export const SentAmendment = z.object({
  digest: z.string(),
  action: AmendmentAction,
  /** For people: what is decided about what, by whom and why. */
  about: z.string(),
  by: z.array(z.string()),
});
export type SentAmendment = z.input<typeof SentAmendment>;

export const runRoutes = {
  createRun: route({
    method: 'POST',
    path: '/runs',
    role: 'operator',
    tag: 'runs',
    summary: 'Runs an approved plan',
    body: z.strictObject({ plan: DigestParam }),
    status: 201,
    reply: z.object({ run: z.string() }),
  }),
  listRuns: route({
    method: 'GET',
    path: '/runs',
    role: 'viewer',
    tag: 'runs',
    summary: 'Runs, newest first',
    reply: z.object({ runs: z.array(RunSummary) }),
  }),
  getRun: route({
    method: 'GET',
    path: '/runs/:run',
    role: 'viewer',
    tag: 'runs',
    summary: 'A run with every host and job',
    params: RunParams,
    reply: RunView,
  }),
  listRunEvents: route({
    method: 'GET',
    path: '/runs/:run/events',
    role: 'viewer',
    tag: 'runs',
    summary: 'What happened after an event; with `wait`, the answer comes when there is one or the time is over',
    params: RunParams,
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      wait: z.coerce.number().min(0).max(MAX_WAIT_SECONDS).default(0),
      limit: z.coerce.number().int().min(1).max(MAX_EVENTS_PAGE).default(500),
    }),
    reply: z.object({
      events: z.array(RunEvent),
      /** What to give as `after` next. */
      next: z.int(),
      /** True where the run has ended and no event follows. */
      ended: z.boolean(),
    }),
  }),
  pauseRun: route({
    method: 'POST',
    path: '/runs/:run/pause',
    role: 'operator',
    tag: 'runs',
    summary: 'Releases nothing more; what is released finishes',
    params: RunParams,
    body: Reason,
    reply: RunSummary,
  }),
  resumeRun: route({
    method: 'POST',
    path: '/runs/:run/resume',
    role: 'operator',
    tag: 'runs',
    summary: 'Goes on after a pause',
    params: RunParams,
    body: Reason,
    reply: RunSummary,
  }),
  stopRun: route({
    method: 'POST',
    path: '/runs/:run/stop',
    role: 'operator',
    tag: 'runs',
    summary: 'Starts no further host; what is begun comes to its end, or with `undo` is taken back',
    params: RunParams,
    body: StopRequest,
    reply: RunSummary,
  }),
  amendHost: route({
    method: 'POST',
    path: '/runs/:run/hosts/:host/amendments',
    role: 'approver',
    tag: 'runs',
    summary: 'Hands in a decision beyond the order that was signed elsewhere (DSSE): retry, skip, done or undo',
    params: z.strictObject({ run: RunId, host: HostName }),
    body: Envelope,
    status: 201,
    reply: SentAmendment,
  }),
  approveWave: route({
    method: 'POST',
    path: '/runs/:run/waves/:wave/approvals',
    role: 'approver',
    tag: 'runs',
    summary: 'Hands in an approval for the gate of a wave that was signed elsewhere (DSSE)',
    params: z.strictObject({ run: RunId, wave: WaveName }),
    body: Envelope,
    status: 201,
    reply: z.object({ approvers: z.array(z.string()) }),
  }),
  signalGate: route({
    method: 'POST',
    path: '/runs/:run/waves/:wave/gates/:gate/signal',
    role: 'operator',
    tag: 'runs',
    summary: 'Says go or no-go to a gate that waits for a signal',
    params: z.strictObject({ run: RunId, wave: WaveName, gate: WaveName }),
    body: z.strictObject({ go: z.boolean(), reason: z.string().max(1_024).default('') }),
    reply: RunSummary,
  }),
  getJob: route({
    method: 'GET',
    path: '/jobs/:run/:host/:position',
    role: 'viewer',
    tag: 'runs',
    summary: 'One job with head and tail of its output',
    params: z.strictObject({ run: RunId, host: HostName, position: z.coerce.number().int().min(0) }),
    query: z.strictObject({ direction: Direction.default('forward') }),
    reply: JobOutput,
  }),
};
