import { present } from '@tidemark/shared/base/assert.ts';
import { isOver, isUndo } from '@tidemark/shared/orders/frontier.ts';
import { decide } from '../decide.ts';
import { positionOf } from '../phase.ts';
import type { Action } from '../snapshot.ts';
import { HOUR, type SamplePlan, START } from './random-plan.ts';
import { type Script, SimulatedAgent, type SimulatedReport } from './simulated-agent.ts';
import { SimulatedRun } from './simulated-run.ts';

export interface Weather {
  scripts: ReadonlyMap<string, Script>;
  /** Consumed one by one; decides about delay and repetition of reports. */
  dice: readonly number[];
  /** Names of cluster members that turn out to be in the other role. */
  swapped: ReadonlySet<string>;
  /** What people do, by the number of the tick. */
  people?: ReadonlyMap<number, Person>;
}

export type Person = 'pause' | 'resume' | 'stop' | 'stop with undo' | 'resolve';

const TICK_MS = 10_000;
/** Nothing that the rules wait for takes longer than a job's timeout and the deadline of silence. */
const PATIENCE_MS = 600_000;

/** Drives decide() through a whole night against simulated agents and checks what must hold after every step. */
export class SimulatedNight {
  readonly run: SimulatedRun;
  readonly agents: SimulatedAgent[];
  readonly violations: string[] = [];
  readonly #sample: SamplePlan;
  readonly #weather: Weather;
  readonly #queue: { host: number; report: SimulatedReport; due: number }[] = [];
  readonly #lastDue = new Map<number, number>();
  #dice = 0;
  #ticks = 0;
  /** Somebody resumed a paused run, and with that took the failures so far. */
  #accepted = false;
  #takesBack = false;
  #lastMove: number;
  now = START;

  constructor(sample: SamplePlan, weather: Weather) {
    this.#sample = sample;
    this.#weather = weather;
    this.#lastMove = START;
    this.run = new SimulatedRun(sample, START);
    const orders = new Map(sample.orders.map(order => [order.host.name, order]));
    this.agents = this.run.plan.hosts.map(host => {
      const name = host.planned.name;
      const script = weather.scripts.get(name) ?? { forward: [], undo: [], refuses: false, silent: null };
      return new SimulatedAgent(present(orders.get(name), `the order of ${name}`), script);
    });
  }

  get isOver(): boolean {
    return ['succeeded', 'failed', 'stopped'].includes(this.run.state);
  }

  /** Until the run has ended, or long after it must have. */
  play(until = START + 3 * HOUR): this {
    while (!this.isOver && this.now < until && this.violations.length === 0) this.tick();
    return this;
  }

  /** Does what the service does for a person, where that is possible now. */
  person(what: Person): void {
    const { run } = this;
    if (what === 'pause' && run.state === 'running') run.state = 'paused';
    if (what === 'stop' && (run.state === 'running' || run.state === 'paused')) run.state = 'stopping';
    if (what === 'stop with undo' && !this.isOver) {
      run.state = 'undoing';
      this.#takesBack = true;
    }
    if (what === 'resolve') for (const key of run.incidents.keys()) run.incidents.set(key, 'resolved');
    if (what === 'resume' && run.state === 'paused') {
      run.state = 'running';
      this.#accepted = true;
    }
  }

  tick(): void {
    this.now += TICK_MS;
    this.#ticks++;
    const person = this.#weather.people?.get(this.#ticks);
    if (person) this.person(person);
    this.agents.forEach((agent, host) => {
      for (const report of agent.advance(this.now)) this.#send(host, report);
    });
    this.#deliver();
    this.#decideToTheEnd();
    if (!this.isOver) this.#checkThatItWaitsForSomething();
  }

  #decideToTheEnd(): void {
    for (let round = 0; !this.isOver; round++) {
      const actions = decide(this.run.snapshot, this.now);
      if (actions.length === 0) return;
      this.#lastMove = this.now;
      for (const action of actions) this.#act(action);
      this.#checkInvariants();
      if (round > 60) {
        this.violations.push(`no fixpoint: still ${JSON.stringify(actions)}`);
        return;
      }
    }
  }

  #act(action: Action): void {
    this.#checkBefore(action);
    this.run.apply(action, this.now);
    if (!('host' in action) || action.host === null) return;
    const agent = present(this.agents[action.host], 'agent');
    const state = this.run.host(action.host);
    if (action.action === 'observeFacts' && !agent.isSilent(this.now)) this.#observe(action.host);
    if (action.action === 'offerOrder') for (const report of agent.offer()) this.#send(action.host, report);
    // A host that is away gets what it missed when it is back, as after a hello.
    if (agent.isSilent(this.now)) return;
    if (action.action === 'release') agent.release(state.frontier);
    if (action.action === 'undo') agent.undo();
  }

  #observe(host: number): void {
    const { name, clusterRole } = present(this.run.plan.hosts[host], 'host').planned;
    if (clusterRole === null) return;
    const other = clusterRole === 'active' ? 'standby' : 'active';
    this.run.host(host).role = { is: this.#weather.swapped.has(name) ? other : clusterRole, observedAt: this.now };
  }

  #roll(sides: number): number {
    const { dice } = this.#weather;
    const value = dice[this.#dice++ % Math.max(1, dice.length)] ?? 0;
    return value % sides;
  }

  /** Late, twice, and between two hosts in any order; one host's own reports keep theirs, as on a stream. */
  #send(host: number, report: SimulatedReport): void {
    const due = Math.max(this.#lastDue.get(host) ?? 0, this.now + this.#roll(4) * TICK_MS);
    this.#lastDue.set(host, due);
    this.#queue.push({ host, report, due });
    if (this.#roll(4) === 0) this.#queue.push({ host, report, due: due + this.#roll(10) * TICK_MS });
  }

  #deliver(): void {
    const kept = this.#queue.splice(0);
    for (const entry of kept) {
      if (entry.due > this.now || present(this.agents[entry.host], 'agent').isSilent(this.now)) {
        this.#queue.push(entry);
        continue;
      }
      this.#lastMove = this.now;
      this.run.report(entry.host, entry.report, this.now);
    }
    this.agents.forEach((agent, index) => {
      const host = this.run.host(index);
      const silent = agent.isSilent(this.now);
      if (!silent && !host.connected && host.offeredAt !== null) {
        if (host.acceptedAt === null) for (const report of agent.offer()) this.#send(index, report);
        if (host.frontier > 0) agent.release(host.frontier);
        if (host.direction === 'undo') agent.undo();
      }
      host.connected = !silent;
      if (!silent) host.lastSeenAt = this.now;
    });
  }

  // -- what must hold -------------------------------------------------------------------------------------------------

  #checkBefore(action: Action): void {
    if (action.action === 'release') this.#checkRelease(action.host, action.upTo);
    if (action.action === 'openWave') this.#checkWave(action.wave);
    if (action.action === 'undo' && this.run.state === 'undoing') this.#checkTakenBack(action.host);
    if (action.action === 'endRun' && action.state === 'succeeded') {
      const open = this.agents.filter(agent => agent.standing?.state !== 'finished');
      if (open.length > 0) this.violations.push(`succeeded although ${open.length} hosts have not finished`);
    }
  }

  #checkRelease(index: number, upTo: number): void {
    const host = this.run.host(index);
    const { name } = present(this.run.plan.hosts[index], 'host').planned;
    if (upTo <= host.frontier) this.violations.push(`the frontier of ${name} went from ${host.frontier} to ${upTo}`);
    if (host.direction === 'undo') this.violations.push(`${name} was released although it is taken back`);
    if (host.held !== null) this.violations.push(`${name} was released although it is held`);
    if (host.frontier === 0 && this.run.state !== 'running')
      this.violations.push(`${name} began in a run that is ${this.run.state}`);
    const agent = present(this.agents[index], 'agent');
    for (const { before, after } of this.#sample.header.precedences) {
      if (after.host !== name) continue;
      const position = agent.order.jobs.findIndex(job => job.id === after.job);
      if (position >= upTo || position < host.frontier) continue;
      const other = present(this.agents[this.run.plan.byName.get(before.host) ?? -1], before.host);
      const needed = other.order.jobs.findIndex(job => job.id === before.job);
      if (!other.passed.has(needed))
        this.violations.push(`${after.job} on ${name} was released before ${before.job} on ${before.host}`);
    }
  }

  /**
   * Who was let go on because of what this host did is back before it; and nobody who serves goes while others stand half done,
   * but whoever one of these has to wait for.
   */
  #checkTakenBack(index: number): void {
    const { name } = present(this.run.plan.hosts[index], 'host').planned;
    const agentOf = (host: string) => present(this.agents[this.run.plan.byName.get(host) ?? -1], host);
    const at = ({ host, job }: { host: string; job: string }) =>
      agentOf(host).order.jobs.findIndex(({ id }) => id === job);
    const first = new Map<string, SamplePlan['header']['precedences'][number]>();
    for (const precedence of this.#sample.header.precedences) {
      const pair = [precedence.before.host, precedence.after.host].sort().join();
      const known = first.get(pair);
      if (!known || at(precedence.before) < at(known.before)) first.set(pair, precedence);
    }
    for (const { before, after } of first.values()) {
      if (before.host !== name) continue;
      const other = this.run.host(this.run.plan.byName.get(after.host) ?? -1);
      const went = other.frontier > at(after) && other.refusal === null;
      const state = agentOf(after.host).standing?.state;
      const isAway = agentOf(after.host).isSilent(this.now);
      const isBack = state === 'undone' || state === 'undo-halted' || isAway || this.#isUnknown(after.host);
      if (went && !isBack) this.violations.push(`${name} is taken back before ${after.host}, which is ${state}`);
    }
    // As far as it is known: a host that is thought to be under way is taken back at once.
    if (!this.#wasDone(index)) return;
    const half = this.agents.filter(agent => {
      const { standing, order } = agent;
      // Who is away for good is waited for by nobody.
      if (standing === null || this.#isUnknown(order.host.name) || agent.isSilent(this.now)) return false;
      const { frontier } = this.run.host(this.run.plan.byName.get(order.host.name) ?? -1);
      // Of those that were done as well several go back at once.
      const wasDone = this.#wasDone(this.run.plan.byName.get(order.host.name) ?? -1);
      return frontier > 0 && !isOver(standing) && standing.state !== 'undo-halted' && !(wasDone && isUndo(standing));
    });
    const waitedFor = [name];
    for (const after of waitedFor)
      for (const edge of first.values())
        if (edge.after.host === after && !waitedFor.includes(edge.before.host)) waitedFor.push(edge.before.host);
    if (half.some(({ order }) => waitedFor.includes(order.host.name))) return;
    if (half.length > 0) this.violations.push(`${name} is taken back while ${half.length} hosts stand half done`);
  }

  #wasDone = (index: number): boolean => {
    const planned = present(this.run.plan.hosts[index], 'host');
    return positionOf(planned, this.run.host(index)) === planned.jobs.length;
  };

  #isUnknown = (name: string): boolean =>
    this.run.host(this.run.plan.byName.get(name) ?? -1).jobs.some(({ state }) => state === 'unknown');

  #checkWave(wave: number): void {
    const { header } = this.#sample;
    if (this.#accepted) return;
    for (const name of header.waves[wave]?.needs ?? []) {
      const failed = this.run.plan.hosts.filter(
        host => host.planned.wave === name && this.#hasFailed(host.index),
      ).length;
      const mine = header.budgets.filter(
        budget => budget.scope === 'run' || (budget.scope === 'wave' && budget.of === name),
      );
      const most =
        mine.length === 0 ? 0 : Math.min(...mine.filter(b => b.scope === 'wave').map(b => b.maxFailed ?? Infinity));
      if (failed > most) this.violations.push(`a wave began although ${failed} hosts of ${name} failed, ${most} may`);
    }
  }

  /** By what the controller has been told, and by no rule of its own. */
  #hasFailed(index: number): boolean {
    const host = this.run.host(index);
    const jobs = present(this.run.plan.hosts[index], 'host').jobs;
    if (host.refusal !== null || host.direction === 'undo') return true;
    return host.jobs.some((job, position) => {
      const planned = present(jobs[position], 'job');
      if (job.state === 'unknown' || job.state === 'missed') return true;
      return job.state === 'failed' && job.attempt >= planned.attempts && planned.onFailure !== 'continue';
    });
  }

  #checkInvariants(): void {
    const { header } = this.#sample;
    const begun = (index: number): boolean => this.run.host(index).frontier > 0;
    const finished = (index: number): boolean => this.agents[index]?.standing?.state === 'finished';
    for (const limit of header.limits) {
      const out = limit.hosts.filter(name => {
        const index = present(this.run.plan.byName.get(name), name);
        // Where all is taken back, what has been serves again.
        const serves = this.#takesBack && this.agents[index]?.standing?.state === 'undone';
        return begun(index) && !finished(index) && !serves;
      });
      if (out.length > limit.maxOut) this.violations.push(`${out.join(', ')} are out at once, ${limit.maxOut} may`);
    }
    header.waves.forEach((wave, number) => {
      const atWork = present(this.run.plan.waves[number], wave.name).hosts.filter(index => {
        const standing = this.agents[index]?.standing;
        const host = this.run.host(index);
        return begun(index) && host.held === null && host.direction === 'forward' && !(standing && isOver(standing));
      });
      const halted = atWork.filter(index => this.agents[index]?.standing?.state === 'halted');
      if (atWork.length - halted.length > wave.maxParallel) {
        this.violations.push(`${atWork.length} hosts at work in ${wave.name}, ${wave.maxParallel} may`);
      }
    });
  }

  /** Either something moves, or a person is asked, or time will do it. */
  #checkThatItWaitsForSomething(): void {
    if (this.now - this.#lastMove < PATIENCE_MS) return;
    const asked = this.run.state === 'paused' || [...this.run.incidents.values()].includes('open');
    if (!asked) this.violations.push('the run waits and nobody knows what for');
  }
}
