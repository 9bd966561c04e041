// `node add-totals.mjs OUTPUT...`: says once more what failed in several test runs, and adds up their last lines, for .ci/run.
// Runs on any Node from 20 on, also where nothing was installed.
import { readFileSync } from 'node:fs';
import { failuresIn, readSummary, sum, summaryLine } from './totals.mjs';

const outputs = process.argv.slice(2).map(file => readFileSync(file, 'utf8'));
for (const line of outputs.flatMap(failuresIn)) console.log(line);
const total = sum(outputs.map(readSummary));
console.log(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
