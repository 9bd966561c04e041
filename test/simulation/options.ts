import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { readWholeLandscape } from '@tidemark/controller/landscape/read.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { type Landscape, landscapeOf } from './landscape.ts';
import type { NightOptions } from './prepared.ts';

export interface SimulateOptions extends NightOptions {
  /** How many, from `seed` on. */
  seeds: number;
  events: string | null;
  json: boolean;
  /** Ends with the first night that breaks a rule. */
  first: boolean;
  /** Beside the store in memory, the one over PostgreSQL. */
  postgres: boolean;
  /** Read from these, for the command that replays a night. */
  files: { landscape: string; policy: string; facts: string | null } | null;
}

export const USAGE = `usage: npm run simulate -- [options]
  --hosts N          servers that are drawn from the seed (200)
  --clusters N       active/standby pairs among them (35)
  --window 4h        length of the window (4h)
  --seed N           the night to play (1)
  --seeds N          so many nights, from --seed on (1)
  --faults SHARE     hosts, messages and transactions with which something goes wrong (0)
  --calm             only troubles that end well without a person at the server
  --pace FACTOR      everything takes so much longer than expected (drawn from the seed)
  --landscape FILE --policy FILE [--facts FILE]
                     instead of a landscape that is drawn; FILE of facts: JSON, facts by name of the host
  --store postgres   over PostgreSQL as well as in memory, and both must say the same (memory)
  --events FILE      the run's events as JSON lines, as tidemark run events -o jsonl gives them
  --first            end with the first night that breaks a rule
  --json             the results as JSON lines`;

/** Reads the command line; throws an error whose message is for people. */
export function readOptions(argv: readonly string[]): SimulateOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...{ hosts: { type: 'string' }, clusters: { type: 'string' }, window: { type: 'string' } },
      ...{ seed: { type: 'string' }, seeds: { type: 'string' }, faults: { type: 'string' }, pace: { type: 'string' } },
      ...{ landscape: { type: 'string' }, policy: { type: 'string' }, facts: { type: 'string' } },
      ...{
        events: { type: 'string' },
        json: { type: 'boolean' },
        first: { type: 'boolean' },
        store: { type: 'string' },
        calm: { type: 'boolean' },
      },
    },
  });
  const number = (name: 'hosts' | 'clusters' | 'seed' | 'seeds' | 'faults' | 'pace', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isFinite(value) || value < 0)
      throw new Error(`--${name} takes a number, and "${values[name]}" is none`);
    return value;
  };
  if ((values.landscape === undefined) !== (values.policy === undefined))
    throw new Error('--landscape and --policy are given together: a policy is about a landscape');
  const { store = 'memory' } = values;
  if (store !== 'memory' && store !== 'postgres')
    throw new Error(`--store takes memory or postgres, and "${store}" is neither`);
  const files =
    values.landscape === undefined || values.policy === undefined
      ? null
      : { landscape: values.landscape, policy: values.policy, facts: values.facts ?? null };
  return {
    seed: number('seed', 1),
    seeds: number('seeds', 1),
    hosts: number('hosts', 200),
    clusters: number('clusters', 35),
    windowMs: durationOf(values.window ?? '4h'),
    faults: number('faults', 0),
    calm: values.calm ?? false,
    pace: values.pace === undefined ? null : number('pace', 1),
    events: values.events ?? null,
    json: values.json ?? false,
    first: values.first ?? false,
    postgres: store === 'postgres',
    files,
    ...(files ? { landscape: landscapeFrom(files) } : {}),
  };
}

/** What is typed to play the same night again. */
export function commandFor(options: SimulateOptions, seed: number): string {
  const { hosts, clusters, windowMs, faults, calm, pace, files, postgres } = options;
  const size = files
    ? `--landscape ${files.landscape} --policy ${files.policy}${files.facts ? ` --facts ${files.facts}` : ''}`
    : `--hosts ${hosts} --clusters ${clusters} --window ${windowMs / 60_000}m`;
  const rest = `${calm ? ' --calm' : ''}${pace === null ? '' : ` --pace ${pace}`}${postgres ? ' --store postgres' : ''}`;
  return `npm run simulate -- ${size} --seed ${seed} --faults ${faults}${rest}`;
}

function durationOf(text: string): number {
  const [, count, unit] = /^(\d+)(m|h)$/.exec(text) ?? [];
  const ms = Number(count) * (unit === 'h' ? 3_600_000 : 60_000);
  if (!Number.isFinite(ms) || ms === 0)
    throw new Error(`--window takes a time such as 4h or 90m, and "${text}" is none`);
  return ms;
}

/** A real landscape in which every server is well and has the version before that of an imagined bundle. */
function landscapeFrom({ landscape, policy, facts }: NonNullable<SimulateOptions['files']>): Landscape {
  const read = readWholeLandscape(readFileSync(landscape, 'utf8'), basename(landscape));
  if (!read.ok) throw new Error(read.error.map(({ line, message }) => `${landscape}:${line}: ${message}`).join('\n'));
  const told = facts ? (JSON.parse(readFileSync(facts, 'utf8')) as Record<string, Record<string, unknown>>) : {};
  const policyText = readFileSync(policy, 'utf8');
  const bundle = /^\s*bundle:\s*\{\s*name:\s*([\w.-]+)/m.exec(policyText)?.[1] ?? 'simulated';
  return {
    ...landscapeOf({ version: 1, ...read.value }, told, { name: bundle, digest: digestOf(Buffer.from(bundle)) }),
    policyText,
    policyFile: policy,
  };
}
