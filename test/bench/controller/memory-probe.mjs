// Loaded into the controller that is measured (`node --import`): says twice a second what its process holds, one JSON
// object a line, in the file that its URL names. `live` is what was left after the last collection of the old generation.
import { appendFileSync } from 'node:fs';
import { constants, PerformanceObserver } from 'node:perf_hooks';

const file = new URL(import.meta.url).searchParams.get('file');
let live = 0;
let collectedMs = 0;
new PerformanceObserver(list => {
  for (const { duration, detail } of list.getEntries()) {
    collectedMs += duration;
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) live = process.memoryUsage().heapUsed;
  }
}).observe({ entryTypes: ['gc'] });

const look = () => {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const line = { at: Date.now(), rss, heapTotal, heapUsed, external, arrayBuffers, live, collectedMs };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
};
if (file) setInterval(look, 500).unref();
