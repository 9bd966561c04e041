import { digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { readDocument } from '../documents/read.ts';
import { type PlanError, tidyErrors } from './errors.ts';
import { unknownJobNameParts } from './job-name.ts';
import { parseBudgets } from './parse-budgets.ts';
import { checkHandoverStep, parseClusters } from './parse-clusters.ts';
import { parseEmergency } from './parse-emergency.ts';
import { parseSteps } from './parse-steps.ts';
import { parseApprovals, parseWaves } from './parse-waves.ts';
import { parseWindow } from './parse-window.ts';
import type { BundleChoice, Policy, PolicyTiers } from './policy.ts';
import { PolicyReader } from './policy-reader.ts';
import { PolicyFile } from './policy-schema.ts';
import { unsupportedParts } from './unsupported.ts';

/**
 * Reads a policy file and checks all that can be checked without the landscape. Every error has its place. `files`: texts
 * of other files that it names (calendars), by the name that it gives them.
 */
export function parsePolicy(
  text: string,
  fileName: string,
  files: ReadonlyMap<string, string> = new Map(),
): Result<Policy, PlanError[]> {
  const read = readDocument(text, fileName, PolicyFile);
  if (!read.ok) return read;
  const reader = new PolicyReader(read.value);
  reader.errors.push(...unsupportedParts(read.value));
  const { metadata, spec } = reader.file;

  const select = reader.condition(['spec', 'select'], spec.select ?? '', 'host');
  const window = parseWindow(reader, files);
  const waves = parseWaves(reader);
  const policy = {
    name: metadata.name,
    owner: metadata.owner,
    digest: digestOf(Buffer.from(text, 'utf8')),
    files: window.blackouts.map(({ name, digest }) => ({ name, digest })),
    bundle: parseBundle(reader),
    window,
    approvals: parseApprovals(reader),
    tiers: parseTiers(reader),
    clusters: parseClusters(reader),
    limits: spec.limits.map((limit, index) => ({ ...limit, place: reader.place(['spec', 'limits', index]) })),
    landscape: { ...spec.landscape, place: reader.place(['spec', 'landscape']) },
    requires: spec.requires.map(({ what, after, otherwise }, index) => ({
      ...{ what, afterMs: after, otherwise },
      place: reader.place(['spec', 'requires', index]),
    })),
    groups: parseGroups(reader),
    waves,
    budgets: parseBudgets(reader),
    jobName: parseJobName(reader),
    steps: parseSteps(reader),
    stepsPlace: reader.place(['spec', 'steps']),
    emergency: parseEmergency(reader, waves),
  };
  checkHandoverStep(reader, policy);
  if (reader.errors.length > 0 || !select) return err(tidyErrors(reader.errors));
  return ok({ ...policy, select: { ...select, place: reader.place(['spec', 'select']) } });
}

function parseBundle(reader: PolicyReader): BundleChoice {
  const { name = null, ring = null, include, exclude } = reader.file.spec.bundle;
  const path = ['spec', 'bundle'];
  if (name === null && ring === null)
    reader.complain(path, 'spec.bundle.name is missing: name a bundle, or the ring whose newest one is meant');
  const condition = (key: 'include' | 'exclude', text: string | undefined) => {
    if (text === undefined || !/\badvisory\b/.test(text))
      return reader.optionalCondition([...path, key], text, 'patch');
    reader.complain(
      [...path, key],
      'which patch of a bundle answers an advisory is not known: choose by patch.name, version or kind',
    );
    return null;
  };
  return {
    name,
    ring,
    include: condition('include', include),
    exclude: condition('exclude', exclude),
    place: reader.place(name === null ? [...path, 'ring'] : [...path, 'name']),
    ringPlace: reader.place([...path, 'ring']),
  };
}

function parseGroups(reader: PolicyReader): Policy['groups'] {
  const names = reader.file.spec.groups.map(group => group.name);
  return reader.file.spec.groups.flatMap(({ name, when, importance = null, onDrift }, index) => {
    const path = ['spec', 'groups', index];
    if (names.indexOf(name) !== index) reader.complain([...path, 'name'], `two groups are called ${name}`);
    const condition = reader.condition([...path, 'when'], when, 'plannedHost');
    return condition ? [{ name, when: condition, importance, onDrift, place: reader.place(path) }] : [];
  });
}

function parseJobName(reader: PolicyReader): string | null {
  const { jobName } = reader.file.spec;
  if (jobName === undefined) return null;
  for (const problem of unknownJobNameParts(jobName)) reader.complain(['spec', 'jobName'], problem);
  return jobName;
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
