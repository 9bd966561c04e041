import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { SystemdService } from '@tidemark/shared/orders/kinds/service.ts';
import { capture } from './capture.ts';
import { type CommandPlace, describeEnd } from './command.ts';
import { type ServiceChange, ServiceProblem, type ServiceProvider } from './service.ts';
import { type CgroupProcess, processesOf } from './systemd-cgroup.ts';
import {
  conditionOf,
  describeProcesses,
  describeUnit,
  parseUnit,
  spanMs,
  UNIT_PROPERTIES,
  type UnitCondition,
  type UnitFacts,
} from './systemd-unit.ts';
import { findTool } from './tools.ts';

/** A component that systemd runs: one unit or several, which start in their order and stop the other way round. */
export function createSystemdService({ units }: SystemdService, place: CommandPlace, clock: Clock): ServiceProvider {
  const systemd = new Systemd(place, clock);

  /** One unit after the other, all within the same time; `act` says whether it changed anything. */
  const each = async (
    order: readonly string[],
    waitMs: number,
    act: (unit: string, until: number, notes: string[]) => Promise<boolean>,
  ): Promise<ServiceChange> => {
    const begun = clock.monotonic();
    const notes: string[] = [];
    let changed = false;
    for (const unit of order) if (await act(unit, begun + waitMs, notes)) changed = true;
    return { changed, tookMs: clock.monotonic() - begun, notes };
  };

  return {
    name: 'systemd',
    async status() {
      const looks = await Promise.all(units.map(unit => systemd.look(unit)));
      if (looks.every(({ condition }) => condition.is === 'up')) return 'up';
      if (looks.every(({ condition }) => condition.is === 'down')) return 'down';
      const each = looks.map(({ unit, condition }) =>
        condition.is === 'neither' ? condition.why : describeUnit(unit),
      );
      throw new ServiceProblem(`it is neither up nor down: ${each.join('; ')}`);
    },
    async start(waitMs) {
      // How long they take to end is not the start's time.
      for (const unit of units) await systemd.untilStopped(unit);
      return each(units, waitMs, (unit, until) => systemd.start(unit, until));
    },
    stop: waitMs => each(units.toReversed(), waitMs, (unit, until, notes) => systemd.stop(unit, until, notes)),
    async restart(waitMs) {
      for (const unit of units) await systemd.untilStopped(unit);
      return each(units, waitMs, (unit, until) => systemd.restart(unit, until));
    },
    reload: waitMs => each(units, waitMs, (unit, until) => systemd.reload(unit, until)),
  };
}

/** Short enough to be noticed at once; a look is one call of systemctl, some 10 ms. */
const POLL_MS = 100;
/**
 * A unit of these types is active as soon as its process is there, whatever that does next: it counts as up when it
 * still is a while later. The others say themselves when they are ready.
 */
const UNREADY_TYPES: ReadonlySet<string> = new Set(['simple', 'exec', 'idle']);
const STEADY_MS = 500;
/** ExecStop=, SIGTERM, SIGKILL: each has the unit's TimeoutStopSec= (systemd.service(5)). */
const STOP_PHASES = 3;
const JOURNAL_LINES = 20;
const JOURNAL_TRIES = 3;
const SHOWN_LINES = 3;

interface Look {
  unit: UnitFacts;
  processes: CgroupProcess[];
  condition: UnitCondition;
}

class Systemd {
  readonly #place: CommandPlace;
  readonly #clock: Clock;
  readonly #begunSeconds: number;

  constructor(place: CommandPlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
    this.#begunSeconds = Math.floor(clock.now() / 1000);
  }

  async look(name: string): Promise<Look> {
    const said = await this.#systemctl(['show', `--property=${UNIT_PROPERTIES.join(',')}`, '--', name]);
    const unit = parseUnit(name, said);
    const processes = unit.controlGroup === '' ? [] : processesOf(unit.controlGroup);
    return { unit, processes, condition: conditionOf(unit, processes) };
  }

  /**
   * Waits where it was told to stop and has not ended yet: systemd starts nothing before that is over, and ends it by force
   * in the end. Where it never would, or what it says is not so, whoever starts it says how it is.
   */
  async untilStopped(name: string): Promise<void> {
    const begun = this.#clock.monotonic();
    for (;;) {
      const { unit } = await this.look(name);
      const limitMs = spanMs(unit.stopTimeout);
      if (unit.active !== 'deactivating' || limitMs === null) return;
      if (this.#clock.monotonic() - begun > STOP_PHASES * limitMs) return;
      await delay(POLL_MS);
    }
  }

  async start(name: string, until: number): Promise<boolean> {
    const before = await this.#known(name);
    if (before.condition.is === 'up') return false;
    this.#refuseMasked(before.unit);
    // Also lifts the limit of starts that earlier failures may have used up.
    if (before.unit.active === 'failed') await this.#systemctl(['reset-failed', '--', name]);
    await this.#systemctl(['start', '--no-block', '--', name]);
    await this.#untilUp('start', name, until, null);
    return true;
  }

  async restart(name: string, until: number): Promise<boolean> {
    const before = await this.#known(name);
    this.#refuseMasked(before.unit);
    if (before.unit.active === 'failed') await this.#systemctl(['reset-failed', '--', name]);
    // By systemd's own restart, which brings back what depends on it and keeps its sockets.
    await this.#systemctl(['restart', '--no-block', '--', name]);
    await this.#untilUp('restart', name, until, before.unit.invocation);
    return true;
  }

  async stop(name: string, until: number, notes: string[]): Promise<boolean> {
    const begun = this.#clock.monotonic();
    const before = await this.#known(name);
    if (before.condition.is === 'down') return false;
    await this.#systemctl(['stop', '--no-block', '--', name]);
    for (;;) {
      const now = await this.look(name);
      if (now.condition.is === 'down' && !now.unit.job) {
        await this.#noteStop(now.unit, notes);
        return true;
      }
      if (this.#clock.monotonic() >= until) {
        const left = now.processes.length > 0 ? `, with ${describeProcesses(now.processes)}` : '';
        const force =
          now.unit.active === 'deactivating'
            ? `; systemd ends it by force ${now.unit.stopTimeout} after it was told`
            : '';
        throw new ServiceProblem(
          `systemctl stop ${name} was said ${Math.round(this.#clock.monotonic() - begun)} ms ago, but it is still not down: ` +
            `${describeUnit(now.unit)}${left}${force}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  async reload(name: string, until: number): Promise<boolean> {
    const before = await this.#known(name);
    if (before.condition.is !== 'up')
      throw new ServiceProblem(`${describeUnit(before.unit)}, so nothing was reloaded; start it instead`);
    if (!before.unit.canReload)
      throw new ServiceProblem(`${name} has no way to be reloaded (ExecReload=); restart it instead`);
    const left = Math.max(1, Math.round(until - this.#clock.monotonic()));
    // Waits for the job: only its end says whether it went well.
    const signal = AbortSignal.any([this.#place.signal, AbortSignal.timeout(left)]);
    await this.#systemctl(['reload', '--', name], { ...this.#place, signal, killOnAbort: true });
    const after = await this.look(name);
    if (after.condition.is !== 'up') throw await this.#failure('reload', after.unit);
    return true;
  }

  async #known(name: string): Promise<Look> {
    const look = await this.look(name);
    if (look.unit.load === 'not-found' || look.unit.load === 'error' || look.unit.load === 'bad-setting')
      throw new ServiceProblem(look.condition.is === 'neither' ? look.condition.why : describeUnit(look.unit));
    return look;
  }

  #refuseMasked(unit: UnitFacts): void {
    if (unit.load === 'masked')
      throw new ServiceProblem(`${unit.unit} is masked, so nothing can start it; unmask it first (service/unmask)`);
  }

  async #untilUp(verb: string, name: string, until: number, old: string | null): Promise<void> {
    let steady = null as { run: string; since: number } | null;
    for (;;) {
      const { unit, condition } = await this.look(name);
      const now = this.#clock.monotonic();
      const run = `${unit.invocation} ${unit.restarts}`;
      if (condition.is === 'up' && !unit.job && unit.invocation !== old) {
        if (!UNREADY_TYPES.has(unit.type)) return;
        if (steady?.run !== run) steady = { run, since: now };
        if (now - steady.since >= STEADY_MS) return;
      } else steady = null;
      if (!unit.job && (unit.active === 'failed' || unit.active === 'inactive')) throw await this.#failure(verb, unit);
      // One that was steady from before the end of the time is looked at until it counts.
      if (now >= until && steady === null) throw await this.#failure(verb, unit, ' in time');
      await delay(POLL_MS);
    }
  }

  async #failure(verb: string, unit: UnitFacts, late = ''): Promise<ServiceProblem> {
    const lines = await this.#lastLines(unit);
    const again = unit.restarts > 0 ? `, started again ${unit.restarts} times` : '';
    const why =
      unit.active !== 'inactive'
        ? `${describeUnit(unit)}${again}`
        : unit.conditionsMet
          ? `${unit.unit} ended at once (${unit.result})${unit.type === 'oneshot' ? ': a oneshot unit without RemainAfterExit= is never up' : ''}`
          : `${unit.unit} was not started, since its conditions (Condition...= in the unit) are not met`;
    const words = lines.length > 0 ? `, its last lines: ${JSON.stringify(lines.slice(-SHOWN_LINES).join(' | '))}` : '';
    return new ServiceProblem(`systemctl ${verb} ${unit.unit} failed: not up${late}: ${why}${words}`);
  }

  /**
   * What it said since this step began. By unit, not by invocation: of a process that ends at once the journal often
   * finds no invocation any more. All of it goes to the step's output.
   */
  async #lastLines({ unit }: UnitFacts): Promise<string[]> {
    const journalctl = findTool(this.#place.root, 'journalctl');
    if (journalctl === null) return [];
    const asked = [
      '--no-pager',
      '--quiet',
      '--output=cat',
      `--lines=${JOURNAL_LINES}`,
      `--since=@${this.#begunSeconds}`,
    ];
    try {
      for (let tries = 1; ; tries++) {
        // The journal is written by another process: what was said last may still be on its way.
        await capture([journalctl, '--sync'], this.#place);
        const { stdout } = await capture([journalctl, ...asked, `_SYSTEMD_UNIT=${unit}`], this.#place);
        const lines = stdout
          .split('\n')
          .map(line => line.replace(/\p{Cc}/gu, '').trim())
          .filter(line => line !== '');
        if (lines.length === 0 && tries < JOURNAL_TRIES) {
          await delay(POLL_MS);
          continue;
        }
        this.#place.output(Buffer.from(stdout, 'utf8'), 'stdout');
        return lines;
      }
    } catch {
      // What went wrong is known without it.
      return [];
    }
  }

  async #noteStop(unit: UnitFacts, notes: string[]): Promise<void> {
    if (unit.active === 'failed')
      notes.push(`${describeUnit(unit)}${unit.result === 'timeout' ? ': systemd had to end it by force' : ''}`);
    for (const trigger of unit.triggeredBy) {
      const { condition } = await this.look(trigger);
      if (condition.is === 'up')
        notes.push(`${trigger} can start ${unit.unit} again: name it among the component's units, or mask them`);
    }
  }

  async #systemctl(args: readonly string[], place = this.#place): Promise<string> {
    const program = findTool(place.root, 'systemctl');
    if (program === null) throw new ServiceProblem('systemctl is not installed: this server is not run by systemd');
    const end = await capture([program, ...args], place);
    if (end.status !== 0)
      throw new ServiceProblem(`systemctl ${args.filter(word => word !== '--').join(' ')} failed: ${describeEnd(end)}`);
    return end.stdout;
  }
}

const delay = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds));
