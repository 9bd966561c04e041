import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { isStepKind, type StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import type { DocumentPath } from '../documents/read.ts';
import type { Condition } from './cel.ts';
import type { Place } from './errors.ts';
import { findCycle, inOrderOfNeeds } from './graph.ts';
import { unknownPlaceholders } from './placeholders.ts';
import type { Step } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';
import type { PolicyFile } from './policy-schema.ts';
import { STANDARD_STEPS, type StandardStep } from './standard-steps.ts';
import {
  isPlannedKind,
  KIND_DEFAULTS,
  LATER_KINDS,
  type PlannedKind,
  plannedKinds,
  type StepSettings,
  withSchema,
} from './step-settings.ts';

type Defaults = PolicyFile['spec']['defaults'];
type Written = PolicyFile['spec']['steps'];
type Standard = Extract<Written, { base: 'standard' }>;
type WrittenStep = Extract<Written, readonly unknown[]>[number];

/** The steps in the order in which they run: as they are listed, unless `needs` says otherwise. */
export function parseSteps(reader: PolicyReader): Step[] {
  const { steps, defaults } = reader.file.spec;
  if (steps === 'standard') {
    const place = reader.place(['spec', 'steps']);
    return STANDARD_STEPS.map(standard => standardStep(standard, defaults, place));
  }
  if (!Array.isArray(steps)) return changedStandard(reader, steps, defaults);
  checkNeeds(reader, steps);
  const parsed = steps.flatMap(
    (written, index) => parseStep(reader, ['spec', 'steps', index], written, defaults) ?? [],
  );
  const needs = new Map(steps.map(step => [step.id, step.needs]));
  return inOrderOfNeeds(
    parsed,
    step => step.id,
    step => needs.get(step.id) ?? [],
  );
}

function standardStep(standard: StandardStep, defaults: Defaults, place: Place): Step {
  const { id, uses: kind, applies = null, onFailure } = standard;
  const settings = { kind, with: withSchema(kind).parse(standard.with ?? {}) } as StepSettings;
  const own = settingsOf(kind, onFailure === undefined ? {} : { onFailure }, defaults);
  return { ...settings, id, applies, when: null, checkConditions: [], ...own, undo: true, place };
}

/** The standard steps with what the policy says of some of them, and steps of its own between them. */
function changedStandard(reader: PolicyReader, { change, add }: Standard, defaults: Defaults): Step[] {
  const path = ['spec', 'steps'];
  const ids = STANDARD_STEPS.map(({ id }) => id);
  for (const id of Object.keys(change)) {
    if (!ids.includes(id))
      reader.complainOfKey([...path, 'change', id], `there is no standard step ${id}${hintOf(id, ids)}`);
  }
  const steps = STANDARD_STEPS.flatMap((standard): Step[] => {
    const changed = change[standard.id];
    const plain = standardStep(standard, defaults, reader.place(path));
    if (changed === undefined) return [plain];
    const own = [...path, 'change', standard.id];
    if (changed.skip) {
      const pair = standard.pair;
      if (pair !== undefined && change[pair]?.skip !== true)
        reader.complain(own, `${standard.id} cannot be left out without ${pair}: what one of them does the other ends`);
      return [];
    }
    const { skip: _, with: args, ...said } = changed;
    const written: WrittenStep = {
      onFailure: standard.onFailure,
      ...said,
      ...{ id: standard.id, uses: standard.uses, needs: [], with: { ...standard.with, ...args } },
    };
    const parsed = parseStep(reader, own, written, defaults);
    // Whoever says for which hosts a step is has thought of it.
    return parsed ? [{ ...parsed, applies: said.when === undefined ? plain.applies : null }] : [];
  });
  for (const [index, { before, after, ...written }] of add.entries())
    addStep(reader, steps, [...path, 'add', index], written, { before, after }, defaults);
  return steps;
}

function addStep(
  reader: PolicyReader,
  steps: Step[],
  path: DocumentPath,
  written: WrittenStep,
  { before, after }: { before: string | undefined; after: string | undefined },
  defaults: Defaults,
): void {
  const ids = steps.map(({ id }) => id);
  if (ids.includes(written.id)) reader.complain([...path, 'id'], `there is a step ${written.id} already`);
  const parsed = parseStep(reader, path, written, defaults);
  const anchor = before ?? after;
  if ((before === undefined) === (after === undefined) || anchor === undefined) {
    reader.complain(path, 'say where it belongs: either "before" or "after" with the id of a step');
    return;
  }
  const at = ids.indexOf(anchor);
  if (at < 0) {
    const key = before === undefined ? 'after' : 'before';
    reader.complain([...path, key], `there is no step ${anchor}${hintOf(anchor, ids)}`);
    return;
  }
  const position = before === undefined ? at + 1 : at;
  for (const [index, need] of written.needs.entries()) {
    const place = ids.indexOf(need);
    if (place < 0) reader.complain([...path, 'needs', index], `there is no step ${need}${hintOf(need, ids)}`);
    else if (place >= position) reader.complain([...path, 'needs', index], `it needs ${need}, which comes after it`);
  }
  if (parsed) steps.splice(position, 0, parsed);
}

const hintOf = (id: string, ids: readonly string[]): string => didYouMean(id, ids) || `; there are ${ids.join(', ')}`;

function settingsOf(
  kind: PlannedKind,
  written: Pick<WrittenStep, 'timeout' | 'retries' | 'onFailure'>,
  defaults: Defaults,
) {
  const own = KIND_DEFAULTS[kind];
  const retries = written.retries ?? defaults.retries;
  return {
    timeoutMs: written.timeout ?? defaults.timeout ?? own.timeoutMs,
    retries: retries ? { max: retries.max, backoffMs: retries.backoff } : own.retries,
    onFailure: written.onFailure ?? defaults.onFailure ?? own.onFailure,
  };
}

function parseStep(reader: PolicyReader, path: DocumentPath, written: WrittenStep, defaults: Defaults): Step | null {
  const kind = written.uses;
  if (!isPlannedKind(kind)) {
    reader.complain([...path, 'uses'], unknownKind(kind));
    return null;
  }
  const args = reader.part([...path, 'with'], withSchema(kind), written.with);
  const when =
    written.when === undefined ? null : reader.condition([...path, 'when'], written.when, 'plannedHostWithFacts');
  if (kind === 'command/run') checkCommand(reader, path, written);
  checkUndo(reader, path, kind, written.undo);
  checkOrder(reader, path, kind, written.order);
  if (args === null) return null;
  const settings = { kind, with: args } as StepSettings;
  const checkConditions = parseChecks(reader, [...path, 'with'], settings);
  if (when === null && written.when !== undefined) return null;
  return {
    ...settings,
    id: written.id,
    applies: null,
    when,
    checkConditions,
    ...settingsOf(kind, written, defaults),
    undo: written.undo !== 'none',
    place: reader.place(path),
  };
}

/** Conditions that the agent will evaluate are read here, so that a slip is found before anybody signs. */
function parseChecks(reader: PolicyReader, path: DocumentPath, settings: StepSettings): (Condition | null)[] {
  if (settings.kind === 'check/facts') reader.condition([...path, 'condition'], settings.with.condition, 'facts');
  if (settings.kind !== 'check/all') return [];
  return settings.with.checks.map((check, index) => {
    const own = [...path, 'checks', index];
    if ('cel' in check) reader.condition([...own, 'cel'], check.cel, 'facts');
    else if ('uses' in check && check.uses === 'check/facts')
      reader.condition([...own, 'with', 'condition'], check.with.condition, 'facts');
    return reader.optionalCondition([...own, 'when'], check.when, 'plannedHostWithFacts');
  });
}

function checkCommand(reader: PolicyReader, path: DocumentPath, written: WrittenStep): void {
  const argv = written.with['command'];
  const texts = Array.isArray(argv) ? argv.map(String) : [];
  for (const name of unknownPlaceholders(texts, ['host.name', 'cluster.name']))
    reader.complain(
      [...path, 'with', 'command'],
      `the placeholder "${name}" is unknown here; known are host.name, cluster.name`,
    );
}

function unknownKind(kind: string): string {
  if (LATER_KINDS.has(kind)) return `the step kind ${kind} is not supported yet: remove the step`;
  if (isStepKind(kind)) return `${kind} is no step of its own: it only takes back another one`;
  const near = didYouMean(kind, [...plannedKinds, ...LATER_KINDS]);
  return `there is no step kind ${kind}${near === '' ? `; known are ${plannedKinds.join(', ')}` : near}`;
}

function checkUndo(reader: PolicyReader, path: DocumentPath, kind: PlannedKind, undo: string | undefined): void {
  const own: StepKind | null = KIND_DEFAULTS[kind].undo;
  if (undo === undefined || undo === 'none' || undo === own) return;
  const possible = own === null ? 'none' : `${own} or none`;
  reader.complain([...path, 'undo'], `${kind} cannot be taken back by ${undo}: write ${possible}`);
}

function checkOrder(reader: PolicyReader, path: DocumentPath, kind: PlannedKind, order: string | undefined): void {
  if (order === undefined) return;
  const own = kind === 'service/stop' ? 'tiers' : kind === 'service/start' ? 'tiers-reversed' : null;
  if (order === own) return;
  reader.complain(
    [...path, 'order'],
    own === null ? `${kind} has no order: remove it` : `${kind} goes by ${own}: another order is not supported yet`,
  );
}

function checkNeeds(reader: PolicyReader, steps: readonly WrittenStep[]): void {
  const ids = steps.map(step => step.id);
  for (const [index, step] of steps.entries()) {
    const path = ['spec', 'steps', index];
    if (ids.indexOf(step.id) !== index) reader.complain([...path, 'id'], `two steps are called ${step.id}`);
    for (const [position, need] of step.needs.entries()) {
      if (!ids.includes(need))
        reader.complain([...path, 'needs', position], `there is no step ${need}${didYouMean(need, ids)}`);
    }
  }
  const cycle = findCycle(
    ids,
    id => steps.find(step => step.id === id)?.needs.filter(need => ids.includes(need)) ?? [],
  );
  if (cycle) {
    const index = ids.indexOf(cycle[0] ?? '');
    const circle = [...cycle, cycle[0]].join(' needs ');
    reader.complain(['spec', 'steps', index, 'needs'], `these steps wait for each other: ${circle}`);
  }
}
