import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Call, stepKinds } from '@tidemark/shared/orders/step-kinds.ts';
import { describe, expect, it } from 'vitest';
import { isPlannedKind, KIND_DEFAULTS, LATER_KINDS, withSchema } from './step-settings.ts';
import { planned } from './testing/world.ts';

/* Every kind of the vocabulary can be listed in a policy, or it is said why not. */

const REFERENCE = readFileSync(join(import.meta.dirname, '../../docs/reference/steps.md'), 'utf8');

/** What a policy writes under `with` where the kind needs something. */
const WITH: Readonly<Record<string, string>> = {
  'check/tcp': '{port: 5432}',
  'check/facts': '{condition: facts.kernel.running == facts.kernel.newest}',
  'check/sql': '{query: select 1}',
  'check/command': '{command: [/bin/true]}',
  'check/all':
    '{checks: [{uses: check/clock}, {uses: check/disk, with: {free: {/var: 1GB}}}, {uses: check/tcp, with: {port: 1}}, {uses: check/units}, ' +
    '{uses: check/http, with: {url: "http://127.0.0.1/"}}, {uses: check/pending}, {uses: check/loaded}, {uses: check/sql, with: {query: select 1}}, ' +
    '{uses: check/facts, with: {condition: facts.a == 1}}, {uses: check/command, with: {command: [/bin/true]}}, ' +
    '{cel: "true"}, {http: "http://127.0.0.1/"}, {sql: select 1}]}',
  'lb/drain': '{backend: shop}',
  'lb/enable': '{backend: shop}',
  'cluster/leave': '{manager: pacemaker, cluster: ha}',
  'cluster/join': '{manager: pacemaker, cluster: ha}',
  'command/run': '{command: [/bin/true]}',
  'command/shell': '{script: "true"}',
  'manual/task': '{instructions: look at the lamp, who: ada}',
  'system/wait': '{for: 1s}',
};

/** Kinds that no policy lists. The reference says so too. */
const ONLY_UNDO = ['archive/activate'];
/** Listed, and tried where there is something for them to do: packages, and components under systemd. */
const TRIED_ELSEWHERE = /^(package\/|service\/(mask|unmask|reload)$|check\/pending$)/;

describe.each([...stepKinds])('%s', kind => {
  it('can be listed, or only takes back another step, or is refused as one that comes later', () => {
    expect(isPlannedKind(kind)).toBe(!ONLY_UNDO.includes(kind) && !LATER_KINDS.has(kind));
  });

  it('is in the reference of policies', () => {
    expect(REFERENCE).toContain(`\`${kind}\``);
  });

  if (!isPlannedKind(kind)) return;

  it('is taken back, where it is, by a kind that there is', () => {
    const { undo } = KIND_DEFAULTS[kind];
    if (undo !== null) expect(stepKinds).toContain(undo);
  });

  if (TRIED_ELSEWHERE.test(kind)) {
    it('has settings that a policy can leave out, or says which it needs', () => {
      expect(withSchema(kind).safeParse({ force: true }).success).toBe(false);
    });
    return;
  }

  it('makes jobs that agents take', () => {
    const plan = planned({ steps: stepsWith(kind) });
    const jobs = plan.orders.flatMap(order => order.jobs).filter(job => job.step === 'it');
    expect(jobs.length).toBeGreaterThan(0);
    for (const { call, undo } of jobs) {
      expect(call.kind).toBe(kind);
      expect(Call.safeParse(call).success).toBe(true);
      expect(undo?.kind ?? null).toBe(KIND_DEFAULTS[kind].undo);
      if (undo) expect(Call.safeParse(undo).success).toBe(true);
    }
  });
});

/** Beside the step itself what the world's policy asks for, and what the step takes back. */
function stepsWith(kind: string): string {
  const others = [
    '{id: clock, uses: check/clock}',
    ...(kind === 'cluster/handover' ? [] : ['{id: handover, uses: cluster/handover}']),
    ...(kind === 'batch/release' ? ['{id: hold, uses: batch/hold}'] : []),
  ];
  return `[${[...others, `{id: it, uses: ${kind}, with: ${WITH[kind] ?? '{}'}}`].join(', ')}]`;
}
