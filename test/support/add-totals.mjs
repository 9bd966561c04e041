// `node add-totals.mjs OUTPUT...`: adds up the last lines of several test runs, for .ci/run. Runs on any Node from 20 on,
// also where nothing was installed.
import { readFileSync } from 'node:fs';
import { readSummary, sum, summaryLine } from './totals.mjs';

const total = sum(process.argv.slice(2).map(file => readSummary(readFileSync(file, 'utf8'))));
console.log(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
