import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecider, decide } from './decide.ts';
import type { RunSnapshot } from './snapshot.ts';
import { anyPlan, HOUR, type SamplePlan, START } from './testing/random-plan.ts';
import type { Fate, Script } from './testing/simulated-agent.ts';
import { type Person, SimulatedNight, type Weather } from './testing/simulated-night.ts';

const RUNS = 300;

const anyFate = (bad: number): fc.Arbitrary<Fate> =>
  fc.oneof(
    { arbitrary: fc.constant<Fate>('ok'), weight: 100 - bad },
    { arbitrary: fc.constantFrom<Fate>('fail', 'fail', 'fail-once', 'unknown', 'missed'), weight: bad },
  );

const anyScript = (bad: number): fc.Arbitrary<Script> =>
  fc.record({
    forward: fc.array(anyFate(bad), { minLength: 5, maxLength: 5 }),
    undo: fc.array(anyFate(bad), { minLength: 5, maxLength: 5 }),
    refuses: fc.oneof(
      { arbitrary: fc.constant(false), weight: 100 - bad },
      { arbitrary: fc.constant(true), weight: bad },
    ),
    silent: fc.oneof(
      { arbitrary: fc.constant(null), weight: 100 - bad },
      {
        arbitrary: fc
          .record({ from: fc.integer({ min: 0, max: HOUR }), length: fc.constantFrom(60_000, 300_000, 10 * HOUR) })
          .map(({ from, length }) => ({ from: START + from, to: START + from + length })),
        weight: bad,
      },
    ),
  });

const anyNight = (bad: number): fc.Arbitrary<{ sample: SamplePlan; weather: Weather }> =>
  anyPlan.chain(sample =>
    fc.record({
      sample: fc.constant(sample),
      weather: fc.record({
        scripts: fc
          .array(anyScript(bad), { minLength: sample.header.hosts.length, maxLength: sample.header.hosts.length })
          .map(
            scripts =>
              new Map(
                sample.header.hosts.flatMap(({ name }, index) => (scripts[index] ? [[name, scripts[index]]] : [])),
              ),
          ),
        dice: fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 50 }),
        swapped: fc
          .subarray(sample.header.hosts.filter(host => host.clusterRole !== null).map(host => host.name))
          .map(names => new Set(bad > 5 ? names : [])),
      }),
    }),
  );

/** A night that is stopped with undo at some moment, in which nothing fails. */
const takenBack = () =>
  fc.property(anyNight(0), fc.integer({ min: 1, max: 120 }), ({ sample, weather }, tick) => {
    fc.pre(sample.header.waves.every(wave => wave.maxParallel >= 2));
    const people = new Map<number, Person>([[tick, 'stop with undo']]);
    const night = new SimulatedNight(sample, { ...weather, people }).play();
    expect(night.violations).toEqual([]);
    expect(night.isOver, `it is ${night.run.state} at the end of the night`).toBe(true);
    if (night.run.state === 'succeeded') return;
    const states = new Set(night.agents.map(({ standing, begun }) => (begun.length > 0 ? standing?.state : 'never')));
    states.delete('never');
    expect([...states]).toEqual(states.size > 0 ? ['undone'] : []);
  });

describe('a run, whatever its hosts do', () => {
  it.each([1, 5, 20])('keeps every rule and comes to an end where %i in 100 things go wrong', bad => {
    fc.assert(
      fc.property(anyNight(bad), ({ sample, weather }) => {
        const night = new SimulatedNight(sample, weather).play();
        expect(night.violations).toEqual([]);
        expect(night.isOver, `it is ${night.run.state} at the end of the night`).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('patches every host where nothing goes wrong and everything fits', () => {
    fc.assert(
      fc.property(anyNight(0), ({ sample, weather }) => {
        // Units that can never have as many places as they need are a mistake of the plan.
        const fits = sample.header.waves.every(wave => wave.maxParallel >= 2);
        fc.pre(fits && sample.header.window.reserveMs === 0);
        const night = new SimulatedNight(sample, weather).play();
        expect(night.violations).toEqual([]);
        expect(night.run.reason).toMatch(/^all \d+ hosts are done$/);
        expect(night.run.state).toBe('succeeded');
      }),
      { numRuns: RUNS },
    );
  });

  it('leaves no host half done without an open incident', () => {
    fc.assert(
      fc.property(anyNight(15), ({ sample, weather }) => {
        const night = new SimulatedNight(sample, weather).play();
        const left = night.agents.filter((agent, index) => {
          const host = night.run.host(index);
          if (host.frontier === 0) return false;
          return !(agent.standing?.state === 'finished' || agent.standing?.state === 'undone');
        });
        if (left.length > 0) expect([...night.run.incidents.values()]).toContain('open');
      }),
      { numRuns: RUNS },
    );
  });

  it('comes to an end whatever people do to it', () => {
    const people = fc
      .array(
        fc.tuple(
          fc.integer({ min: 1, max: 350 }),
          fc.constantFrom<Person>('pause', 'resume', 'stop', 'resolve', 'resume', 'stop with undo'),
        ),
        { maxLength: 6 },
      )
      .map(acts => new Map(acts));
    fc.assert(
      fc.property(anyNight(10), people, ({ sample, weather }, acts) => {
        const night = new SimulatedNight(sample, { ...weather, people: acts }).play();
        expect(night.violations).toEqual([]);
        expect(night.isOver, `it is ${night.run.state} at the end of the night`).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('has taken back all that it had begun, where it was stopped with undo and nothing goes wrong', () => {
    fc.assert(takenBack(), { numRuns: 100 });
    // A host that was let go after one that stands half done, and is done itself: each would wait for the other.
    fc.assert(takenBack(), { numRuns: 1, seed: -1696222118, path: '80:46:3:1:16:15:15:17:17:17' });
  });

  it('asks for the same when it is asked twice', () => {
    fc.assert(
      fc.property(anyNight(10), fc.integer({ min: 1, max: 200 }), ({ sample, weather }, ticks) => {
        const night = new SimulatedNight(sample, weather);
        for (let tick = 0; tick < ticks && !night.isOver; tick++) night.tick();
        if (night.isOver) return;
        const before = structuredClone(night.run.hosts);
        expect(decide(night.run.snapshot, night.now + 1)).toEqual(decide(night.run.snapshot, night.now + 1));
        expect(night.run.hosts).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  it('asks for the same where it remembers what has not changed', () => {
    fc.assert(
      fc.property(anyNight(10), ({ sample, weather }) => {
        const night = new SimulatedNight(sample, weather);
        const remembering = createDecider();
        let kept: RunSnapshot['hosts'] = [];
        for (let tick = 0; tick < 400 && !night.isOver; tick++) {
          night.tick();
          if (night.isOver) return;
          // As a store tells it: another object only where something is different.
          kept = night.run.hosts.map((host, index) =>
            kept[index] && isDeepStrictEqual(kept[index], host) ? kept[index] : structuredClone(host),
          );
          const { snapshot } = night.run;
          expect(remembering({ ...snapshot, hosts: kept }, night.now + 1)).toEqual(decide(snapshot, night.now + 1));
        }
      }),
      { numRuns: 60 },
    );
  });
});
