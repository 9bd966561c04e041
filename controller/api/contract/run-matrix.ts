import { z } from 'zod';
import { Direction, HostName, Instant, RunId } from './common.ts';
import { route } from './route.ts';
import { HostRunState, RunHost, RunState, RunSummary, RunWave } from './runs.ts';

const MatrixHost = z.object({
  host: z.string(),
  wave: z.string(),
  application: z.string().nullable(),
  cluster: z.string().nullable(),
  tiers: z.array(z.string()),
  state: HostRunState,
  /** Why: what it waits for, why it is held, why it refused. Empty where nothing has to be said. */
  reason: z.string(),
  connected: z.boolean(),
  direction: Direction,
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  expectedEndAt: Instant.nullable(),
  /**
   * One letter a step, in their order: the job of it that says most. `.` no such job, `p` pending, `r` released, `R` running,
   * `s` succeeded, `f` failed, `m` missed, `u` unknown, `k` skipped, `c` cancelled. Of a host that is taken back, `<` where the
   * undo is going on, `b` where it is done, `x` where it has failed.
   */
  cells: z.string(),
});

export const RunMatrix = RunSummary.extend({
  state: RunState,
  window: z.object({ start: Instant, end: Instant, reserveMs: z.int() }),
  expectedEndAt: Instant.nullable(),
  waves: z.array(RunWave),
  openIncidents: z.int(),
  asOf: Instant,
  /** Ids of the policy's steps, in the order in which most hosts run them. */
  steps: z.array(z.string()),
  hosts: z.array(MatrixHost),
});
export type RunMatrix = z.input<typeof RunMatrix>;

export const runMatrixRoutes = {
  getRunMatrix: route({
    method: 'GET',
    path: '/runs/:run/matrix',
    role: 'viewer',
    tag: 'runs',
    summary: 'A run as hosts x steps, small enough for many hosts',
    params: z.strictObject({ run: RunId }),
    reply: RunMatrix,
  }),
  getRunHost: route({
    method: 'GET',
    path: '/runs/:run/hosts/:host',
    role: 'viewer',
    tag: 'runs',
    summary: 'One host of a run with its jobs',
    params: z.strictObject({ run: RunId, host: HostName }),
    reply: RunHost,
  }),
};
