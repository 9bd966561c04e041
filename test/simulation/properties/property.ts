import type { NewRunEvent } from '@tidemark/controller/orchestrator/ports.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { HostRecord, IncidentRecord } from '../store/database.ts';
import { type HostTruth, hasBegun, type Started, type World } from '../world.ts';

/*
 * What must hold at every moment of every night, judged from what the servers did. Only where it is about people and
 * records (incidents, budgets, the end) is the controller's word looked at too, against what is true.
 */

export interface Moment {
  world: World;
  now: number;
  /** Nothing befalls the night that needs a person at a server. */
  calm: boolean;
  approvalExpiresAt: number;
  /** When controllers were away, which then noticed nothing. */
  restarts: readonly { from: number; to: number }[];
  /** When a controller decided that the host may go on to this job. */
  releasedAt(host: string, job: string): number | null;
}

/** What the controllers have put on record. */
export interface Records {
  events: readonly NewRunEvent[];
  state: string;
  endedAt: number | null;
  incidents: readonly IncidentRecord[];
  /** By host id; only at the end of the night. */
  hosts: ReadonlyMap<string, HostRecord>;
}

export interface Property {
  name: string;
  /** A step is about to begin: why it must not. */
  onStart?(moment: Moment, started: Started): string | null;
  /** Every simulated minute: what is wrong. */
  everyMinute?(moment: Moment, records: Records): string | null;
  /** The night is over: what is wrong. */
  atEnd?(moment: Moment, records: Records): string | null;
}

export const isFirstStart = ({ truth, direction }: Started): boolean => direction === 'forward' && !hasBegun(truth);
export const nameOf = (truth: HostTruth): string => truth.planned.name;
export const jobAt = (truth: HostTruth, position: number) => present(truth.order.jobs[position], `job ${position}`);

/** Hosts that stop and start as one are planned as one. */
export const together = (world: World, truth: HostTruth): readonly HostTruth[] =>
  world.byUnit.get(truth.planned.unit) ?? [];

export const membersOf = (world: World, truth: HostTruth): HostTruth[] =>
  truth.planned.cluster === null
    ? []
    : (world.byCluster.get(truth.planned.cluster) ?? []).filter(other => other !== truth);

/** From the top; -1 where it is in no tier. */
export const rankOf = (world: World, tier: string | null | undefined): number =>
  world.tiers.findIndex(({ name }) => name === tier);
