import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { VerificationError } from './errors.ts';
import type { DriftIncidents, HostSelection, PatchedHosts, RunScanStore, ScheduleStore } from './ports.ts';
import type { DriftReport } from './reports.ts';
import { type JudgedScan, nextDue, type ScanSchedule, scheduleProblems } from './schedules.ts';

export interface SchedulingDependencies {
  store: ScheduleStore & RunScanStore;
  hosts: HostSelection;
  incidents: DriftIncidents;
  patched: PatchedHosts;
  verification: {
    scan(ask: {
      host: string;
      by: string;
      profile?: string | null;
      schedule?: string;
      run?: string;
    }): Promise<Result<unknown, VerificationError>>;
    drift(host: string): Promise<Result<DriftReport, VerificationError>>;
  };
  clock: Pick<Clock, 'now'>;
}

export type NewSchedule = Pick<ScanSchedule, 'name' | 'select' | 'cron' | 'timezone' | 'onDrift' | 'profile'> & {
  by: string;
};

/** For a schedule that never comes again. Any later year is one that not every part can write. */
const NEVER = Date.UTC(9999, 0, 1);

/** Scans that come by themselves, by the clock or after a run, and what becomes of the drift that they find. */
export function createScheduling({ store, hosts, incidents, patched, verification, clock }: SchedulingDependencies) {
  const start = async (schedule: ScanSchedule, now: number): Promise<void> => {
    const next = nextDue(schedule, now);
    // What came due several times while no controller ran is done once.
    const nextDueAt = next.ok ? next.value : NEVER;
    if (!(await store.claim(schedule.name, schedule.nextDueAt, nextDueAt))) return;
    const by = `schedule ${schedule.name}`;
    const selected = await hosts.select(schedule.select);
    const problems: string[] = selected.ok ? nothingIn(schedule.select, selected.value) : [selected.error];
    for (const host of selected.ok ? selected.value : []) {
      const asked = await verification.scan({ host, by, profile: schedule.profile, schedule: schedule.name });
      // Without an agent it cannot be scanned.
      if (!asked.ok) problems.push(`${host}: ${asked.error.message}`);
    }
    const key = `schedule:${schedule.name}`;
    if (problems.length > 0 && schedule.onDrift === 'incident') {
      const title = `scans by schedule ${schedule.name}: ${problems.length} could not be asked for`;
      await incidents.open({ key, host: null, title, detail: problems.join('\n') });
    } else if (problems.length === 0) {
      await incidents.resolve(key, 'all scans could be asked for');
    }
  };

  /** Every host that a run has touched is looked at after it, also where its order has no step that does. */
  const afterRuns = async (): Promise<void> => {
    for (const { run, hostId, host, scan } of await store.unscanned()) {
      if (scan !== null) await store.scannedBy({ run, hostId, scan });
      else await verification.scan({ host, by: `run ${run}`, run });
    }
  };

  /** A host that a run calls patched and whose files say otherwise is for people to know, whatever a group says of drift. */
  const holdAgainstBundle = async (run: string, host: string): Promise<void> => {
    const key = `bundle:${host}`;
    const held = await patched.lacks({ run, host });
    if (!held) return;
    const { bundle, lacks } = held;
    if (lacks.length === 0) {
      await incidents.resolve(key, `the scan after ${run} found all of bundle ${bundle}`);
      return;
    }
    const title = `bundle ${bundle} is not whole on ${host}, which ${run} has patched`;
    await incidents.open({ key, host, title, detail: [...lacks, `tidemark identify ${host}`].join('\n') });
  };

  const judge = async ({ id, host, state, message, onDrift, run }: JudgedScan): Promise<void> => {
    if (run !== null && state === 'done') await holdAgainstBundle(run, host);
    if (onDrift === 'incident') {
      const key = `drift:${host}`;
      const report = state === 'done' ? await verification.drift(host) : err({ message });
      if (!report.ok) {
        await incidents.open({ key, host, title: `${host} could not be scanned`, detail: report.error.message });
      } else if (report.value.identical) {
        await incidents.resolve(key, 'the next scan found no drift');
      } else {
        const { sentence, groups } = report.value;
        const causes = groups.map(
          ({ cause, product, entries }) => `${entries.length} x ${cause} (${product ?? 'no product'})`,
        );
        await incidents.open({
          key,
          host,
          title: `drift: ${sentence}`,
          detail: [...causes, `tidemark drift ${host}`].join('\n'),
        });
      }
    }
    await store.judged(id, clock.now());
  };

  return {
    list: (): Promise<ScanSchedule[]> => store.schedules(),

    async add({ by, ...schedule }: NewSchedule): Promise<Result<ScanSchedule, VerificationError>> {
      const now = clock.now();
      const problems = scheduleProblems(schedule, now);
      const selected = await hosts.select(schedule.select);
      problems.push(...(selected.ok ? nothingIn(schedule.select, selected.value) : [selected.error]));
      const next = nextDue(schedule, now);
      if (problems.length > 0 || !next.ok) return err({ code: 'bad-schedule', message: problems.join('; ') });
      const added = { ...schedule, nextDueAt: next.value, createdBy: by, createdAt: now };
      if (await store.add(added)) return ok(added);
      const message = `there is a schedule ${schedule.name} already: remove it first, or take another name`;
      return err({ code: 'schedule-exists', message });
    },

    async remove({ name, by }: { name: string; by: string }): Promise<Result<null, VerificationError>> {
      if (await store.remove(name, by)) return ok(null);
      const message = `there is no schedule ${name}: "tidemark schedule list" shows those there are`;
      return err({ code: 'unknown-schedule', message });
    },

    /** One round: asks for what is due, and looks at what has come of it. */
    async round(): Promise<void> {
      const now = clock.now();
      for (const schedule of await store.due(now)) await start(schedule, now);
      await afterRuns();
      for (const scan of await store.unjudged()) await judge(scan);
    },
  };
}

/** A condition that finds nothing is a wrong one: nobody would notice that nothing is scanned. */
const nothingIn = (select: string, hosts: readonly string[]): string[] =>
  hosts.length === 0 ? [`the condition ${JSON.stringify(select)} selects no host`] : [];
