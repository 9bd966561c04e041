import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import type { Gate } from '@tidemark/shared/orders/plan.ts';
import type { DocumentPath } from '../documents/read.ts';
import { findCycle } from './graph.ts';
import type { ApprovalRule, WaveRule } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';
import type { PolicyFile } from './policy-schema.ts';

type WrittenWave = NonNullable<PolicyFile['spec']['waves']>[number];
type WrittenGate = WrittenWave['gates'][number];
type WrittenApprovers = Omit<PolicyFile['spec']['approvals'][number], 'gate'>;

/** Waves with their gates, among them the approvals that the policy lists for them. */
export function parseWaves(reader: PolicyReader): WaveRule[] {
  const written = reader.file.spec.waves;
  if (!written) {
    const place = reader.place(['spec']);
    const gates = approvalGates(reader, 'all', []);
    return [{ name: 'all', when: null, pick: null, maxParallel: null, soakMs: 0, needs: [], gates, place }];
  }
  const names = written.map(wave => wave.name);
  const waves = written.map((wave, index): WaveRule => {
    const path = ['spec', 'waves', index];
    if (names.indexOf(wave.name) !== index) reader.complain([...path, 'name'], `two waves are called ${wave.name}`);
    for (const [position, need] of (wave.needs ?? []).entries()) {
      if (!names.includes(need))
        reader.complain([...path, 'needs', position], `there is no wave ${need}${didYouMean(need, names)}`);
    }
    const before = names[index - 1];
    return {
      name: wave.name,
      when: reader.optionalCondition([...path, 'when'], wave.when, 'plannedHost'),
      pick: pickOf(reader, path, wave),
      maxParallel: wave.maxParallel ?? null,
      soakMs: wave.soak,
      // Waves go one after the other, as the word says, unless the file says that they do not.
      needs: wave.needs ?? (before === undefined ? [] : [before]),
      gates: approvalGates(reader, wave.name, parseGates(reader, path, wave)),
      place: reader.place(path),
    };
  });
  const cycle = findCycle(names, name =>
    (waves.find(wave => wave.name === name)?.needs ?? []).filter(need => names.includes(need)),
  );
  if (cycle)
    reader.complain(
      ['spec', 'waves', names.indexOf(cycle[0] ?? ''), 'needs'],
      `these waves wait for each other: ${[...cycle, cycle[0]].join(' needs ')}`,
    );
  return waves;
}

function pickOf(reader: PolicyReader, path: DocumentPath, { pick, name }: WrittenWave): WaveRule['pick'] {
  if (typeof pick !== 'object' || pick.share > 0) return pick ?? null;
  reader.complain([...path, 'pick'], `wave ${name} picks nothing: remove the wave, or give it a share`);
  return null;
}

function parseGates(reader: PolicyReader, path: DocumentPath, { gates, name }: WrittenWave): WaveRule['gates'] {
  const names = gates.map(gate => gate.name);
  return gates.map((gate, index) => {
    const gatePath = [...path, 'gates', index];
    if (names.indexOf(gate.name) !== index)
      reader.complain([...gatePath, 'name'], `two gates of wave ${name} are called ${gate.name}`);
    if ('every' in gate && gate.every < 1_000)
      reader.complain([...gatePath, 'every'], 'a gate is asked once a second at most');
    return {
      ...gateOf(gate),
      place: reader.place(gatePath),
      fromPlaces: 'from' in gate ? gate.from.map((_, at) => reader.place([...gatePath, 'from', at])) : [],
    };
  });
}

function gateOf(gate: WrittenGate): Gate {
  const { name } = gate;
  switch (gate.kind) {
    case 'approval':
      return { kind: 'approval', name, ...approversOf(gate) };
    case 'signal':
      return { kind: 'signal', name, withinMs: gate.within ?? null };
    case 'http': {
      const { url, status, text = null } = gate;
      return { kind: 'http', name, url, expectStatus: status, expectText: text, ...pollingOf(gate) };
    }
    case 'metric': {
      const [, operator = '<', value] = /^([<>=!]+) ?(.+)$/.exec(gate.pass) ?? [];
      const pass = { operator: operator as '<', value: Number(value) };
      return { kind: 'metric', name, url: gate.url, query: gate.query, pass, ...pollingOf(gate) };
    }
  }
}

const pollingOf = ({ every, within, timeout }: { every: number; within: number; timeout: number }) => ({
  everyMs: Math.max(1_000, every),
  withinMs: Math.max(1_000, within),
  timeoutMs: Math.max(1, timeout),
});

export const approversOf = ({ from, need, notAuthor, expires, onExpire }: WrittenApprovers) => ({
  from,
  need,
  notAuthor,
  expiresMs: expires ?? null,
  onExpire,
});

const WAVE = /^wave\/(.+)$/;

/** The approvals of the plan as a whole; those of waves are checked to be about a wave that there is. */
export function parseApprovals(reader: PolicyReader): ApprovalRule[] {
  const { approvals, waves } = reader.file.spec;
  const names = (waves ?? [{ name: 'all' }]).map(wave => wave.name);
  return approvals.flatMap((approval, index) => {
    const path = ['spec', 'approvals', index];
    if (approval.expires === 0)
      reader.complain([...path, 'expires'], 'an approval that expires at once approves nothing');
    if (approval.gate === 'plan') return [planRule(reader, path, approval)];
    const [, wave] = WAVE.exec(approval.gate) ?? [];
    if (wave === undefined)
      reader.complain([...path, 'gate'], `there is no gate ${approval.gate}: write plan, or wave/ and a wave's name`);
    else if (!names.includes(wave))
      reader.complain([...path, 'gate'], `there is no wave ${wave}${didYouMean(wave, names)}`);
    return [];
  });
}

export const planRule = (reader: PolicyReader, path: DocumentPath, written: WrittenApprovers): ApprovalRule => ({
  gate: 'plan',
  ...approversOf(written),
  place: reader.place(path),
  fromPlaces: written.from.map((_, position) => reader.place([...path, 'from', position])),
});

/** `spec.approvals` with `gate: wave/NAME` is a gate of that wave, called after its place in the list. */
function approvalGates(reader: PolicyReader, wave: string, own: WaveRule['gates']): WaveRule['gates'] {
  const listed = reader.file.spec.approvals.flatMap((approval, index): WaveRule['gates'] => {
    if (approval.gate !== `wave/${wave}`) return [];
    const path = ['spec', 'approvals', index];
    const fromPlaces = approval.from.map((_, position) => reader.place([...path, 'from', position]));
    const taken = (name: string) => own.some(gate => gate.name === name);
    const name = taken(`approval-${index + 1}`) ? `approval-${index + 1}-of-the-list` : `approval-${index + 1}`;
    return [{ kind: 'approval', name, ...approversOf(approval), place: reader.place(path), fromPlaces }];
  });
  return [...own, ...listed];
}
