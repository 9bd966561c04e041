import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * What a vitest project's JSON report counts. A file that fails outside of its tests (it does not load, a hook throws)
 * has no failed test of its own and counts as one; so does a runner that fails without a report.
 */
export function readReport(project, file, status) {
  if (!existsSync(file)) {
    console.log(`FAIL  ${project}: the runner ended with status ${status} and without a report`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const report = JSON.parse(readFileSync(file, 'utf8'));
  for (const line of describeFailures(report, process.cwd())) console.log(line);
  return countReport(report, status);
}

/** A line for each test that failed and each file that could not be run, with the first line of why: what {@link failuresIn} finds. */
export function describeFailures(report, root) {
  const line = (what, message = '') =>
    `FAIL  ${what}: ${stripVTControlCharacters(message).trim().split('\n')[0].slice(0, 300)}`;
  return report.testResults.flatMap(suite => {
    const file = relative(root, suite.name);
    const tests = suite.assertionResults.filter(test => test.status === 'failed');
    if (tests.length === 0) return suite.status === 'failed' ? [line(file, suite.message)] : [];
    return tests.map(test => line(`${file} > ${test.fullName}`, test.failureMessages?.[0]));
  });
}

/** What an output says that failed, each once. */
export const failuresIn = output => [...new Set(output.split('\n').filter(line => line.startsWith('FAIL  ')))];

export function countReport(report, status) {
  const broken = report.testResults.filter(
    suite => suite.status === 'failed' && !suite.assertionResults.some(test => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    // An error outside of all files (an unhandled rejection) shows in the exit status alone.
    failed: status !== 0 && failed === 0 ? 1 : failed,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

export const sum = totals =>
  totals.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    { passed: 0, failed: 0, skipped: 0 },
  );

export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** What {@link summaryLine} wrote as the last line of an output. One that ends otherwise was cut off, which is a failure. */
export function readSummary(output) {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last) ?? [];
  if (passed === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped ?? 0) };
}
