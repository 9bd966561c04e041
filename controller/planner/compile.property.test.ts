import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import { digestFromBytes } from '@tidemark/shared/base/digest.ts';
import { rootFromProof } from '@tidemark/shared/merkle/proof.ts';
import { encodePlan, openPlan } from '@tidemark/shared/orders/plan.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCondition } from './cel.ts';
import type { CompiledPlan } from './compile.ts';
import { viewFleet } from './fleet-view.ts';
import { randomWorlds } from './testing/random-world.ts';
import { planned, planOf } from './testing/world.ts';

/** Plans of random worlds that have one. */
function forPlans(
  check: (plan: CompiledPlan, world: Parameters<Parameters<typeof randomWorlds.map>[0]>[0]) => void,
): void {
  let plans = 0;
  fc.assert(
    fc.property(randomWorlds, world => {
      const plan = planOf(world.parts, world.input);
      if (!plan.ok) return;
      plans++;
      check(plan.value, world);
    }),
    { numRuns: 400 },
  );
  // Worlds of which none has a plan would prove nothing.
  expect(plans).toBeGreaterThan(50);
}

const text = (plan: CompiledPlan) => canonicalJson(plan as unknown as Json);

describe('every plan', () => {
  it('has each selected host exactly once: planned, or left out with a reason', () => {
    forPlans(({ header, orders }, { input, parts }) => {
      const select = parseCondition(parts['select'] ?? '', 'host');
      const views = [...viewFleet(input).hosts.values()];
      const selected = views.filter(({ subject }) => {
        const answer = select.ok ? select.value.holds({ host: subject }) : select;
        return answer.ok && answer.value;
      });
      const once = [...header.hosts.map(({ name }) => name), ...header.excluded.map(({ host }) => host)].sort();
      expect(once).toEqual(selected.map(view => view.host.name).sort());
      expect(header.excluded.every(({ reason }) => reason.length > 0)).toBe(true);
      expect(orders.map(({ host }) => host.name).sort()).toEqual(header.hosts.map(({ name }) => name).sort());
    });
  });

  it('is the same, byte for byte, whatever the order in which its input comes', () => {
    forPlans((plan, { input, parts }) => {
      const { landscape } = input;
      const turned = {
        ...input,
        landscape: {
          ...landscape,
          hosts: landscape.hosts.toReversed(),
          components: landscape.components.toReversed(),
          clusters: landscape.clusters.toReversed(),
        },
        agents: new Map([...input.agents].toReversed()),
        facts: new Map([...input.facts].toReversed()),
      };
      expect(text(planned(parts, turned))).toBe(text(plan));
    });
  });

  it('can end: some order of its jobs keeps every precedence, wave, limit and unit', () => {
    forPlans(({ header, orders }) => {
      const done = new Set<string>();
      const position = new Map(orders.map(order => [order.host.name, 0]));
      const jobs = new Map(orders.map(order => [order.host.name, order.jobs]));
      const before = new Map<string, string[]>();
      for (const { before: first, after } of header.precedences) {
        const key = `${after.host} ${after.job}`;
        before.set(key, [...(before.get(key) ?? []), `${first.host} ${first.job}`]);
      }
      const isDone = (name: string) => position.get(name) === jobs.get(name)?.length;
      const isOut = (name: string) => (position.get(name) ?? 0) > 0 && !isDone(name);
      const waveEnded = (wave: string) =>
        header.hosts.filter(host => host.wave === wave).every(({ name }) => isDone(name));
      const mayBegin = (unit: string) => {
        const members = header.hosts.filter(host => host.unit === unit);
        const wave = header.waves.find(({ name }) => name === members[0]?.wave);
        const names = members.map(({ name }) => name);
        const working = header.hosts.filter(host => host.wave === wave?.name && isOut(host.name)).length;
        return (
          (wave?.needs ?? []).every(waveEnded) &&
          working + names.length <= (wave?.maxParallel ?? 0) &&
          header.limits.every(limit => {
            const more = limit.hosts.filter(name => names.includes(name)).length;
            return more === 0 || limit.hosts.filter(isOut).length + more <= limit.maxOut;
          })
        );
      };
      const begun = new Set<string>();
      for (let progress = true; progress; ) {
        progress = false;
        for (const { name, unit } of header.hosts) {
          const next = jobs.get(name)?.[position.get(name) ?? 0];
          if (!next || !(before.get(`${name} ${next.id}`) ?? []).every(key => done.has(key))) continue;
          if (!begun.has(unit) && !mayBegin(unit)) continue;
          begun.add(unit);
          done.add(`${name} ${next.id}`);
          position.set(name, (position.get(name) ?? 0) + 1);
          progress = true;
        }
      }
      expect(header.hosts.filter(({ name }) => !isDone(name)).map(({ name }) => name)).toEqual([]);
    });
  });

  it('never has an active member begin before every other planned member of its cluster is done', () => {
    forPlans(({ header, orders }) => {
      for (const { members } of header.clusters) {
        const planned = header.hosts.filter(({ name }) => members.includes(name));
        const first = (name: string) => orders.find(({ host }) => host.name === name)?.jobs[0]?.id;
        const last = (name: string) => orders.find(({ host }) => host.name === name)?.jobs.at(-1)?.id;
        for (const active of planned.filter(({ clusterRole }) => clusterRole === 'active'))
          for (const standby of planned.filter(({ clusterRole }) => clusterRole === 'standby'))
            expect(header.precedences).toContainEqual({
              before: { host: standby.name, job: last(standby.name) },
              after: { host: active.name, job: first(active.name) },
              reason: expect.any(String),
            });
        expect(planned.filter(({ clusterRole }) => clusterRole === 'active').length).toBeLessThanOrEqual(1);
        if (planned.length > 1)
          expect(header.limits).toContainEqual(
            expect.objectContaining({ hosts: planned.map(({ name }) => name).sort(), maxOut: 1 }),
          );
      }
    });
  });

  it('has each unit in one wave, and picks no more than it may nor two members of one cluster', () => {
    forPlans(({ header }, { parts }) => {
      const waves = new Map<string, Set<string>>();
      for (const { unit, wave } of header.hosts) waves.set(unit, (waves.get(unit) ?? new Set()).add(wave));
      for (const names of waves.values()) expect(names.size).toBe(1);
      for (const [, name, count] of (parts['waves'] ?? '').matchAll(/name: (w\d)[^}]*pick: (\d)/g)) {
        const picked = header.hosts.filter(({ wave }) => wave === name);
        expect(picked.length).toBeLessThanOrEqual(Number(count));
        const clusters = picked.flatMap(({ cluster }) => cluster ?? []);
        expect(new Set(clusters).size).toBe(clusters.length);
      }
    });
  });

  it('can be opened again, with a proof for every order that leads to its digest', () => {
    forPlans(({ header, orders }) => {
      const opened = openPlan(encodePlan(header, orders));
      if (!opened.ok) throw new Error(opened.error);
      for (const { bytes, proof } of opened.value.orders) {
        const root = rootFromProof(bytes, proof);
        expect(root && digestFromBytes(root)).toBe(opened.value.digest);
      }
    });
  });
});

describe('one byte of a plan that is changed', () => {
  it('makes another plan, to which no old proof leads', () => {
    const { header, orders } = planned();
    const document = encodePlan(header, orders);
    const opened = openPlan(document);
    if (!opened.ok) throw new Error(opened.error);
    fc.assert(
      fc.property(fc.nat(orders.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (index, offset, change) => {
        const { bytes, proof } = opened.value.orders[index] as (typeof opened.value.orders)[number];
        const tampered = Buffer.from(bytes);
        const at = offset % tampered.length;
        tampered[at] = (tampered[at] ?? 0) ^ change;
        const root = rootFromProof(tampered, proof);
        expect(root && digestFromBytes(root)).not.toBe(opened.value.digest);
      }),
    );
    const renamed = openPlan({ ...document, header: document.header.replace('"author":"ada"', '"author":"eve"') });
    expect(renamed.ok && renamed.value.digest).not.toBe(opened.value.digest);
    expect(renamed.ok).toBe(true);
  });
});
