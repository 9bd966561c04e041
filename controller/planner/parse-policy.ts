import { digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import { didYouMean } from '../documents/nearest.ts';
import { readDocument } from '../documents/read.ts';
import { type PlanError, tidyErrors } from './errors.ts';
import { findCycle } from './graph.ts';
import { Argv } from './host-step-settings.ts';
import { parseBudgets } from './parse-budgets.ts';
import { parseSteps } from './parse-steps.ts';
import { unknownPlaceholders } from './placeholders.ts';
import type { ClusterRule, Handover, Policy, PolicyTiers, WaveRule } from './policy.ts';
import { PolicyReader } from './policy-reader.ts';
import { PolicyFile } from './policy-schema.ts';
import { Duration } from './quantities.ts';
import { unsupportedParts } from './unsupported.ts';

/** Reads a policy file and checks all that can be checked without the landscape. Every error has its place. */
export function parsePolicy(text: string, fileName: string): Result<Policy, PlanError[]> {
  const read = readDocument(text, fileName, PolicyFile);
  if (!read.ok) return read;
  const reader = new PolicyReader(read.value);
  reader.errors.push(...unsupportedParts(read.value));
  const { metadata, spec } = reader.file;

  const selectText = spec.select ?? '';
  const select = reader.condition(['spec', 'select'], selectText, 'host');
  const bundleChosen = spec.bundle.name ?? spec.bundle.ring ?? spec.bundle.include ?? spec.bundle.exclude;
  if (bundleChosen === undefined) reader.complain(['spec', 'bundle'], 'spec.bundle.name is missing: name a bundle');
  checkWindow(reader);
  const policy = {
    name: metadata.name,
    owner: metadata.owner,
    digest: digestOf(Buffer.from(text, 'utf8')),
    bundle: { name: spec.bundle.name ?? '', place: reader.place(['spec', 'bundle', 'name']) },
    window: {
      durationMs: spec.window.duration,
      reserveMs: spec.window.reserve,
      timezone: spec.window.timezone,
      place: reader.place(['spec', 'window']),
    },
    approvals: spec.approvals.map(({ from, need, notAuthor }, index) => ({
      gate: 'plan' as const,
      from,
      need,
      notAuthor,
      expiresMs: null,
      onExpire: 'hold' as const,
      place: reader.place(['spec', 'approvals', index]),
      fromPlaces: from.map((_, position) => reader.place(['spec', 'approvals', index, 'from', position])),
    })),
    tiers: parseTiers(reader),
    clusters: parseClusters(reader),
    waves: parseWaves(reader),
    budgets: parseBudgets(reader),
    steps: parseSteps(reader),
    stepsPlace: reader.place(['spec', 'steps']),
  };
  checkHandoverStep(reader, policy);
  if (reader.errors.length > 0 || !select) return err(tidyErrors(reader.errors));
  return ok({ ...policy, select: { ...select, place: reader.place(['spec', 'select']) } });
}

function checkWindow(reader: PolicyReader): void {
  const { duration, reserve, timezone } = reader.file.spec.window;
  if (duration === 0) reader.complain(['spec', 'window', 'duration'], 'the window has no duration');
  if (reserve >= duration && duration > 0)
    reader.complain(['spec', 'window', 'reserve'], 'the reserve for undo leaves nothing of the window');
  if (!isTimezone(timezone))
    reader.complain(
      ['spec', 'window', 'timezone'],
      `${timezone} is no time zone: write one of the IANA names, like Europe/Berlin`,
    );
}

/** Offsets such as `+01:00` are taken by Intl too, but they know no summer time: a window that wanders is no window. */
function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

function parseTiers(reader: PolicyReader): PolicyTiers {
  const { tiers } = reader.file.spec;
  const path = ['spec', 'tiers'];
  if (!tiers) return { span: 'host', order: [], overrides: [], place: reader.place(['spec']) };
  // The short form is a list: there is no key "order" in the file, and its place is that of the whole.
  const [whole, list] = [reader.place(path), reader.place([...path, 'order'])];
  const shorthand = whole.line === list.line && whole.column === list.column;
  const orderPath = shorthand ? path : [...path, 'order'];
  const names = tiers.order.map(tier => tier.name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) reader.complain([...orderPath, index], `tier ${name} is there twice`);
  }
  return {
    span: tiers.span,
    order: tiers.order.map(({ name, minInService }, index) => ({
      name,
      minInService: minInService ?? null,
      place: reader.place([...orderPath, index]),
    })),
    overrides: tiers.overrides.flatMap(({ when, span }, index) => {
      const overridePath = [...path, 'overrides', index];
      const condition = reader.condition([...overridePath, 'when'], when, 'host');
      return condition ? [{ when: condition, span, place: reader.place(overridePath) }] : [];
    }),
    place: reader.place(path),
  };
}

const HandoverWith = z.strictObject({ command: Argv, confirm: Argv, wait: Duration.default(30_000) });

function parseClusters(reader: PolicyReader): ClusterRule[] {
  const names = reader.file.spec.clusters.map(cluster => cluster.name);
  return reader.file.spec.clusters.flatMap((written, index) => {
    const path = ['spec', 'clusters', index];
    if (names.indexOf(written.name) !== index)
      reader.complain([...path, 'name'], `two entries of clusters are called ${written.name}`);
    const when = written.when === undefined ? null : reader.condition([...path, 'when'], written.when, 'host');
    const activeWhen = reader.condition([...path, 'activeWhen'], written.activeWhen, 'facts');
    const handover = parseHandover(reader, [...path, 'handover'], written.handover);
    if (!activeWhen || (written.when !== undefined && !when)) return [];
    return [
      { name: written.name, when, activeWhen, handover, onFailure: written.onFailure, place: reader.place(path) },
    ];
  });
}

function parseHandover(
  reader: PolicyReader,
  path: (string | number)[],
  written: PolicyFile['spec']['clusters'][number]['handover'],
): Handover | null {
  if (!written) return null;
  if (written.uses !== 'cluster/handover') {
    reader.complain([...path, 'uses'], `a handover by ${written.uses} is not supported yet: write cluster/handover`);
    return null;
  }
  const args = reader.part([...path, 'with'], HandoverWith, written.with);
  if (!args) return null;
  for (const name of unknownPlaceholders([...args.command, ...args.confirm], HANDOVER_PLACEHOLDERS))
    reader.complain(
      [...path, 'with'],
      `the placeholder "${name}" is unknown here; known are ${HANDOVER_PLACEHOLDERS.join(', ')}`,
    );
  return {
    command: args.command,
    confirm: args.confirm,
    waitMs: args.wait,
    timeoutMs: written.timeout ?? null,
    place: reader.place(path),
  };
}

const HANDOVER_PLACEHOLDERS = ['host.name', 'peer.name', 'cluster.name'] as const;

function checkHandoverStep(reader: PolicyReader, policy: Pick<Policy, 'clusters' | 'steps'>): void {
  if (reader.errors.length > 0 || policy.steps.some(step => step.kind === 'cluster/handover')) return;
  const rule = policy.clusters.find(cluster => cluster.handover !== null);
  if (rule)
    reader.complain(
      ['spec', 'steps'],
      `no step uses cluster/handover, so the handover of ${rule.name} would never run`,
    );
}

function parseWaves(reader: PolicyReader): WaveRule[] {
  const written = reader.file.spec.waves;
  if (!written) {
    const place = reader.place(['spec']);
    return [{ name: 'all', when: null, pick: null, maxParallel: null, soakMs: 0, needs: [], place }];
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
      when: wave.when === undefined ? null : reader.condition([...path, 'when'], wave.when, 'plannedHost'),
      pick: typeof wave.pick === 'number' ? wave.pick : null,
      maxParallel: wave.maxParallel ?? null,
      soakMs: wave.soak,
      // Waves go one after the other, as the word says, unless the file says that they do not.
      needs: wave.needs ?? (before === undefined ? [] : [before]),
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
