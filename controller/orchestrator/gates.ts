import type { Gate } from '@tidemark/shared/orders/plan.ts';
import type { Picture } from './picture.ts';
import type { Action, GateState } from './snapshot.ts';

/*
 * Gates of waves: what must be so before one opens. A gate has three answers. Where it cannot answer it neither passes nor
 * fails: after a while the run pauses and asks a person, and who resumes it has the gate asked anew.
 */

/** Why the next wave has not been opened; `passes` where time alone, or somebody outside, may change it. */
export interface WaveWait {
  text: string;
  passes: boolean;
}

export interface DueGate {
  wave: number;
  gate: number;
  spec: Gate;
}

export const gateKey = (wave: number, gate: number): string => `${wave}:${gate}`;

const gatesOf = ({ snapshot }: Picture, wave: number): readonly Gate[] => snapshot.plan.header.waves[wave]?.gates ?? [];

const stateOf = ({ snapshot }: Picture, wave: number, gate: number): GateState | undefined =>
  snapshot.gates?.get(gateKey(wave, gate));

/** It was asked for as long as it may be asked, and this is how it stands. */
function isFinal(gate: Gate, { checkedAt, since }: GateState): boolean {
  if (gate.kind === 'approval') return false;
  // A signal is somebody's word, and not asked for twice.
  return gate.kind === 'signal' || checkedAt - since >= gate.withinMs;
}

/** What the wave waits for at its gates; null where all have passed. Its other conditions are fulfilled. */
export function waitAtGates(picture: Picture, wave: number): WaveWait | null {
  for (const [number, gate] of gatesOf(picture, wave).entries()) {
    const state = stateOf(picture, wave, number);
    if (state?.state === 'passed') continue;
    if (state?.state === 'failed' && isFinal(gate, state)) {
      return { text: `gate ${gate.name} failed: ${state.detail}`, passes: false };
    }
    return { text: `gate ${gate.name}: ${state?.detail ?? wantedOf(gate)}`, passes: true };
  }
  return null;
}

const wantedOf = (gate: Gate): string => {
  switch (gate.kind) {
    case 'approval':
      return `waits for ${gate.need} approvals${gate.from.length > 0 ? ` from ${gate.from.join(', ')}` : ''}`;
    case 'signal':
      return 'waits for somebody to say go';
    default:
      return 'has not been asked yet';
  }
};

/** What a person has to be told about the gates of the wave that is next. */
export function gateActions(picture: Picture, wave: number): Action[] {
  const { run, incidents, plan } = picture.snapshot;
  const name = plan.header.waves[wave]?.name ?? `${wave}`;
  const actions: Action[] = [];
  for (const [number, gate] of gatesOf(picture, wave).entries()) {
    const state = stateOf(picture, wave, number);
    const waits = `gate:${run.id}::${name}:${gate.name}`;
    if (state?.state === 'passed') {
      for (const key of openAbout(incidents, waits))
        actions.push({ action: 'resolveIncident', key, reason: state.detail });
      continue;
    }
    if (gate.kind === 'approval' || (gate.kind === 'signal' && !state)) {
      if (!incidents.has(waits)) {
        actions.push({
          ...{
            action: 'openIncident',
            key: waits,
            host: null,
            title: `wave ${name}: gate ${gate.name} ${wantedOf(gate)}`,
          },
          detail: howTo(run.id, name, gate),
        });
      }
      continue;
    }
    if (!state || !isFinal(gate, state)) continue;
    const key = `${waits}:${state.since}`;
    if (incidents.has(key)) continue;
    const outcome = state.state === 'failed' ? 'failed' : 'cannot answer';
    const title = `wave ${name}: gate ${gate.name} ${outcome}: ${state.detail}`;
    const next =
      state.state === 'failed'
        ? 'The wave does not open, nor what needs it.'
        : 'That is neither yes nor no: the run is paused. Resume it to ask again, or stop it.';
    actions.push({ action: 'openIncident', key, host: null, title, detail: next });
    if (state.state === 'unknown') actions.push({ action: 'pauseRun', reason: title });
  }
  return actions;
}

/** Of the gate: that it waits, and that it could not answer before it was asked anew. */
const openAbout = (incidents: Picture['snapshot']['incidents'], waits: string): string[] =>
  [...incidents].flatMap(([key, state]) =>
    state === 'open' && (key === waits || (key.startsWith(`${waits}:`) && /^\d+$/.test(key.slice(waits.length + 1))))
      ? [key]
      : [],
  );

const howTo = (run: string, wave: string, gate: Gate): string =>
  gate.kind === 'approval'
    ? `tidemark run approve ${run} ${wave} --key FILE`
    : `tidemark run signal ${run} ${wave} ${gate.name} --go (or --no-go) --reason TEXT`;

/** Gates of the wave that are to be asked now: `everyMs` after the last time, while there is no final answer. */
export function dueGates(picture: Picture, wave: number): DueGate[] {
  return gatesOf(picture, wave).flatMap((spec, gate) => {
    if (spec.kind === 'approval' || spec.kind === 'signal') return [];
    const state = stateOf(picture, wave, gate);
    if (state && (state.state === 'passed' || isFinal(spec, state))) return [];
    return state && picture.now - state.checkedAt < spec.everyMs ? [] : [{ wave, gate, spec }];
  });
}

/** What somebody outside answered to a gate: a status and a text, or why there was no answer. */
export type Answer = { status: number; body: string } | { problem: string };

/** Pure: what an answer means. Everything that is not clearly yes or no is `unknown`. */
export function judgeAnswer(
  gate: Extract<Gate, { kind: 'http' | 'metric' }>,
  answer: Answer,
): Pick<GateState, 'state' | 'detail'> {
  if ('problem' in answer) return { state: 'unknown', detail: answer.problem };
  return gate.kind === 'http' ? judgeHttp(gate, answer) : judgeMetric(gate, answer);
}

function judgeHttp(gate: Extract<Gate, { kind: 'http' }>, { status, body }: { status: number; body: string }) {
  if (status !== gate.expectStatus) {
    return { state: 'failed' as const, detail: `it answered ${status}, not ${gate.expectStatus}` };
  }
  if (gate.expectText !== null && !body.includes(gate.expectText)) {
    return { state: 'failed' as const, detail: 'its answer does not hold the text that it should' };
  }
  return { state: 'passed' as const, detail: `it answered ${status}` };
}

function judgeMetric(
  { pass }: Extract<Gate, { kind: 'metric' }>,
  { status, body }: { status: number; body: string },
): Pick<GateState, 'state' | 'detail'> {
  if (status !== 200) return { state: 'unknown', detail: `Prometheus answered ${status}` };
  const values = valuesOf(body);
  if (typeof values === 'string') return { state: 'unknown', detail: values };
  const bad = values.find(value => !compare(value, pass.operator, pass.value));
  const wanted = `${pass.operator} ${pass.value}`;
  return bad === undefined
    ? { state: 'passed', detail: `${values.length === 1 ? values[0] : `${values.length} series`}, ${wanted} holds` }
    : { state: 'failed', detail: `${bad}, and ${wanted} is wanted` };
}

/** The numbers in an instant query's answer, or why there are none. */
function valuesOf(body: string): number[] | string {
  let answer: { status?: unknown; error?: unknown; data?: { resultType?: unknown; result?: unknown } };
  try {
    answer = JSON.parse(body);
  } catch {
    return 'Prometheus answered something that is no JSON';
  }
  if (answer?.status !== 'success') return `Prometheus says: ${String(answer?.error ?? 'no success').slice(0, 200)}`;
  const { resultType, result } = answer.data ?? {};
  const samples = resultType === 'scalar' ? [result] : Array.isArray(result) ? result.map(series => series?.value) : [];
  const values = samples.map(sample =>
    Array.isArray(sample) && typeof sample[1] === 'string' ? Number(sample[1]) : NaN,
  );
  if (values.length === 0) return 'the query has no series';
  return values.some(Number.isNaN) ? 'the query gave something that is no number' : values;
}

function compare(value: number, operator: string, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    default:
      return value !== limit;
  }
}
