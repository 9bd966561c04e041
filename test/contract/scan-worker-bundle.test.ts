import { expect, it } from 'vitest';
import { bundleScanWorker } from '../../installers/scan-worker.mjs';

it('a thread of a scan carries nothing but our own code: a library of 750 KB was 15 MB in each', async () => {
  const { inputs } = await bundleScanWorker();
  expect(inputs.filter((path: string) => path.includes('node_modules'))).toEqual([]);
});
