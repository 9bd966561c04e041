import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take much longer than the others, the longest first. What begins last is what everybody waits for at the end;
 * a file that is not here begins after these, which costs time and nothing else.
 */
const LONG = [
  // Of real servers.
  ...['packages-files', 'great-night', 'power', 'cluster-pacemaker', 'trouble', 'cluster-patroni', 'package-trouble'],
  ...['package-night', 'listed-steps'],
  // Of `npm test`.
  ...['bad-input', 'store-private', 'demo', 'executor-kill-matrix', 'planted', 'executor-crash', 'api-cli', 'crash'],
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.indexOf(basename(moduleId).replace(/\.(test|lab)\.ts$/, ''));
  return at === -1 ? LONG.length : at;
}
