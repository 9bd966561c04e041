import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STEP_ENVIRONMENT } from '@tidemark/agent/executor/launch.ts';
import type { Budget } from '@tidemark/agent/scan/pace.ts';
import { scansIn } from '@tidemark/agent/steps/scan-run.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import { type Took, timed } from './timed.ts';

const AGENT = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist/tidemark-agent.mjs');

/** As the agent starts its steps (agent/main.ts). */
const NODE = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=1',
  '--heap-growing-percent=20',
  '--no-memory-protection-keys',
];

interface Facts {
  scan: string;
  nodes: number;
  bytes: number;
  coverage: Coverage;
  /** Of the scanning process. */
  peakMemoryBytes: number;
}

export interface ScanTook extends Took {
  facts: Facts;
  /** Where the scan lies, for an upload. */
  directory: string;
}

let steps = 0;

/**
 * One scan of a directory as a step of an order runs it: in a process of the built agent. `state` is the agent's
 * directory, where a later scan finds what this one keeps. Throws where the step fails.
 */
export function scanStep(base: string, state: string, directory: string, budget: Budget = {}): ScanTook {
  if (!existsSync(AGENT)) throw new Error(`${AGENT} is missing. Build first: npm run build`);
  const at = join(base, `step-${steps++}`);
  mkdirSync(at, { recursive: true });
  const profile = {
    name: 'bench',
    version: 1,
    roots: [{ path: directory, plane: 'software' }],
    ignore: [],
    expect: [],
  };
  const call = {
    work: 'call',
    call: { kind: 'scan/run', args: { profile, budget } },
    attempt: null,
    timeoutMs: 3_600_000,
    root: '/',
    factsDir: base,
    stateDir: state,
    graceMs: 1000,
  };
  writeFileSync(join(at, 'call.json'), JSON.stringify(call));
  const took = timed([...NODE, AGENT, 'step', at], { env: STEP_ENVIRONMENT });
  const result = JSON.parse(readFileSync(join(at, 'result.json'), 'utf8'));
  if (result.outcome !== 'succeeded') throw new Error(result.message);
  return { ...took, facts: result.facts, directory: join(scansIn(state), result.facts.scan) };
}
