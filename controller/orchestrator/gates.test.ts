import type { Gate } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { gateKey, judgeAnswer } from './gates.ts';
import type { GateState } from './snapshot.ts';
import { planOf, START } from './testing/random-plan.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const http: Extract<Gate, { kind: 'http' }> = {
  ...{ kind: 'http', name: 'shop', url: 'https://shop.example.com/health', expectStatus: 200, expectText: 'ok' },
  ...{ everyMs: 10_000, withinMs: 60_000, timeoutMs: 1_000 },
};
const metric: Extract<Gate, { kind: 'metric' }> = {
  ...{ kind: 'metric', name: 'errors', url: 'https://prometheus.example.com', query: 'rate' },
  ...{ pass: { operator: '<', value: 0.1 }, everyMs: 10_000, withinMs: 60_000, timeoutMs: 1_000 },
};
const vector = (...values: string[]): string =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map(value => ({ value: [1, value] })) },
  });

describe('an answer', () => {
  it.each([
    ['what was wanted', http, { status: 200, body: 'all ok' }, 'passed'],
    ['another status', http, { status: 503, body: 'ok' }, 'failed'],
    ['a redirect', http, { status: 302, body: 'ok' }, 'failed'],
    ['another text', http, { status: 200, body: 'maintenance' }, 'failed'],
    ['none', http, { problem: 'refused' }, 'unknown'],
    ['one series that holds', metric, { status: 200, body: vector('0.01') }, 'passed'],
    ['one of two that does not', metric, { status: 200, body: vector('0.01', '0.2') }, 'failed'],
    ['no series', metric, { status: 200, body: vector() }, 'unknown'],
    ['a number that is none', metric, { status: 200, body: vector('NaN') }, 'unknown'],
    [
      'a scalar',
      metric,
      { status: 200, body: '{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}' },
      'passed',
    ],
    ['an error of Prometheus', metric, { status: 200, body: '{"status":"error","error":"parse error"}' }, 'unknown'],
    ['a status of Prometheus', metric, { status: 503, body: '' }, 'unknown'],
    ['no JSON', metric, { status: 200, body: '<html>' }, 'unknown'],
    ['JSON of another kind', metric, { status: 200, body: 'null' }, 'unknown'],
    ['no answer of Prometheus', metric, { problem: 'no route' }, 'unknown'],
  ] as const)('%s', (_, gate, answer, expected) => {
    expect(judgeAnswer(gate, answer).state).toBe(expected);
  });
});

const approval: Gate = {
  ...{ kind: 'approval', name: 'owner', from: ['ada'], need: 1, notAuthor: false, expiresMs: null, onExpire: 'hold' },
};
const signal: Gate = { kind: 'signal', name: 'go', withinMs: null };

function runWith(gate: Gate, state: GateState | null): SimulatedRun {
  const run = new SimulatedRun(
    planOf({
      hosts: [{ name: 'web01', jobs: [{ id: 'patch' }] }],
      waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0, gates: [gate] }],
    }),
    START,
  );
  Object.assign(run.host(0), { offeredAt: START, acceptedAt: START });
  const gates = new Map(state ? [[gateKey(0, 0), state]] : []);
  return Object.defineProperty(run, 'snapshot', {
    get: () => ({ ...Object.getOwnPropertyDescriptor(SimulatedRun.prototype, 'snapshot')?.get?.call(run), gates }),
  });
}

/** What comes of it once everything that is asked for has been done. */
function outcome(gate: Gate, state: GateState | null): { wave: string; run: string; incidents: number } {
  const run = runWith(gate, state);
  for (let round = 0; round < 20 && !['succeeded', 'failed', 'stopped'].includes(run.state); round++) {
    const actions = decide(run.snapshot, START + 100_000);
    if (actions.length === 0) break;
    for (const action of actions) run.apply(action, START + 100_000);
  }
  return { wave: run.waves[0]?.openedAt ? 'open' : 'shut', run: run.state, incidents: run.incidents.size };
}

const at = (state: GateState['state'], forMs: number): GateState => ({
  ...{ state, detail: 'seen', since: START, checkedAt: START + forMs },
});

describe('a wave', () => {
  it.each([
    ['opens when an approval has come', approval, at('passed', 0), 'open', 'running', 0],
    ['waits for an approval, and says so', approval, null, 'shut', 'running', 1],
    ['opens at a go', signal, at('passed', 0), 'open', 'running', 0],
    ['waits for a signal, and says so', signal, null, 'shut', 'running', 1],
    ['does not open at a no-go', signal, at('failed', 0), 'shut', 'failed', 1],
    ['waits until a check has been asked', http, null, 'shut', 'running', 0],
    ['goes on asking a check that fails', http, at('failed', 30_000), 'shut', 'running', 0],
    ['does not open where a check failed for too long', http, at('failed', 60_000), 'shut', 'failed', 1],
    ['goes on asking one that cannot answer', metric, at('unknown', 30_000), 'shut', 'running', 0],
    ['pauses the run where it cannot answer for too long', metric, at('unknown', 60_000), 'shut', 'paused', 1],
    ['opens when a check passed', metric, at('passed', 0), 'open', 'running', 0],
  ] as const)('%s', (_, gate, state, wave, run, incidents) => {
    expect(outcome(gate, state)).toEqual({ wave, run, incidents });
  });
});

it('that opens after its gate could not answer leaves no incident about that', () => {
  const told = runWith(metric, at('unknown', 60_000));
  for (const action of decide(told.snapshot, START + 100_000)) told.apply(action, START + 100_000);
  expect([...told.incidents.values()]).toEqual(['open']);
  const passed = runWith(metric, { ...at('passed', 0), since: START + 110_000, checkedAt: START + 110_000 });
  for (const [key, state] of told.incidents) passed.incidents.set(key, state);
  for (const action of decide(passed.snapshot, START + 120_000)) passed.apply(action, START + 120_000);
  expect([...passed.incidents.values()]).toEqual(['resolved']);
});

it('that stays shut by its gate tells its hosts what the gate said', () => {
  const run = runWith(http, at('failed', 60_000));
  // The incident comes first, and what follows from it with the next look.
  for (const action of decide(run.snapshot, START + 100_000)) run.apply(action, START + 100_000);
  const given = decide(run.snapshot, START + 100_000).filter(action => action.action === 'cancel');
  expect(given).toMatchObject([{ host: 0, as: 'cancelled', reason: 'gate shop failed: seen' }]);
});
