import type { DocumentPath, ReadDocument } from '../documents/read.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { PolicyFile } from './policy-schema.ts';

/** What the policy language has and this planner does not do yet: never ignored, since somebody relies on what they write. */
export function unsupportedParts(read: ReadDocument<PolicyFile>): PlanError[] {
  const { spec } = read.value;
  const found: PlanError[] = [];
  const refuse = (path: DocumentPath, what: string, instead: string) =>
    found.push(errorAt({ file: read.file, ...read.positionOfKey(path) }, `${what} is not supported yet: ${instead}`));

  for (const key of ['change', 'promote', 'notify', 'report'] as const) {
    if (spec[key] !== undefined) refuse(['spec', key], `"${key}"`, 'remove it');
  }
  return found;
}
