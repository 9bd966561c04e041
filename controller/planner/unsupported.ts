import type { DocumentPath, ReadDocument } from '../documents/read.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { PolicyFile } from './policy-schema.ts';

/** What the policy language has and this planner does not do yet: never ignored, since somebody relies on what they write. */
export function unsupportedParts(read: ReadDocument<PolicyFile>): PlanError[] {
  const { spec } = read.value;
  const found: PlanError[] = [];
  const refuse = (path: DocumentPath, what: string, instead: string) =>
    found.push(errorAt({ file: read.file, ...read.positionOfKey(path) }, `${what} is not supported yet: ${instead}`));

  for (const key of ['change', 'jobName', 'promote', 'emergency', 'notify', 'report'] as const) {
    if (spec[key] !== undefined) refuse(['spec', key], `"${key}"`, 'remove it');
  }
  for (const key of ['ring', 'include', 'exclude'] as const) {
    if (spec.bundle[key] !== undefined)
      refuse(['spec', 'bundle', key], `choosing a bundle by "${key}"`, 'name one with "name"');
  }
  for (const key of ['rrule', 'start'] as const) {
    if (spec.window[key] !== undefined)
      refuse(['spec', 'window', key], 'a recurring window', 'remove it and give the start when planning ("--at")');
  }
  if (spec.window.blackout !== undefined) refuse(['spec', 'window', 'blackout'], '"blackout"', 'remove it');
  for (const [index, approval] of spec.approvals.entries()) {
    const path = ['spec', 'approvals', index];
    if (approval.gate !== 'plan')
      refuse([...path, 'gate'], `the gate "${approval.gate}"`, 'only "plan" can be approved');
    for (const key of ['expires', 'onExpire'] as const) {
      if (approval[key] !== undefined) refuse([...path, key], `"${key}"`, 'approvals expire as their signer says');
    }
  }
  for (const [index, cluster] of spec.clusters.entries()) {
    if (cluster.order !== 'inactive-first')
      refuse(['spec', 'clusters', index, 'order'], `the order "${cluster.order}"`, 'write inactive-first');
  }
  for (const [index, wave] of (spec.waves ?? []).entries()) {
    if (wave.gates !== undefined) refuse(['spec', 'waves', index, 'gates'], '"gates"', 'remove it');
    if (typeof wave.pick === 'string')
      refuse(['spec', 'waves', index, 'pick'], 'picking a share of the hosts', 'give a count');
  }
  return found;
}
