import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { openFirstTrustRoot, type TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { z } from 'zod';
import type { HostPolicy } from '../executor/permit.ts';
import { loadPolicy } from './policy.ts';
import { readYaml } from './yaml-file.ts';

/*
 * In three stages: fragments (a file, the command line), inputs (the fragments one over the other, every path
 * absolute), settings (what the inputs name was read and found good).
 */

export const DEFAULT_CONFIG_FILE = '/etc/tidemark/agent.yaml';

const Level = z.enum(['debug', 'info', 'warn', 'error']);

/** What one source says; what it leaves out another one or the default does. */
export const Fragment = z.strictObject({
  stateDir: z.string().min(1).optional(),
  root: z.string().min(1).optional(),
  policy: z.string().min(1).optional(),
  trustRoot: z.string().min(1).optional(),
  factsDir: z.string().min(1).optional(),
  logLevel: Level.optional(),
});
export type Fragment = z.infer<typeof Fragment>;

/** All there is to say, and nothing looked at yet. */
export interface Inputs {
  stateDir: string;
  root: string;
  policy: string;
  trustRoot: string;
  factsDir: string;
  logLevel: z.infer<typeof Level>;
}

export interface Settings extends Omit<Inputs, 'policy' | 'trustRoot'> {
  policy: HostPolicy;
  trustRoot: TrustRoot;
}

/** A config file; relative paths in it are taken from where it lies. The default file may be missing. */
export function readFragment(file: string): Result<Fragment, string> {
  if (!existsSync(file)) {
    return file === DEFAULT_CONFIG_FILE
      ? ok({})
      : err(`there is no config file ${file}; create it or give another one with --config`);
  }
  const read = readYaml(file);
  if (!read.ok) return read;
  const parsed = Fragment.safeParse(read.value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const known = `; known are ${Object.keys(Fragment.shape).join(', ')}`;
    return err(
      `${file}: ${issue?.message}${issue?.code === 'unrecognized_keys' ? known : ` (${issue?.path.join('.')})`}`,
    );
  }
  return ok(absolute(parsed.data, dirname(resolve(file))));
}

/** Later fragments win. */
export function mergeFragments(fragments: readonly Fragment[]): Inputs {
  const merged: Fragment = Object.assign({}, ...fragments);
  const root = merged.root ?? '/';
  return {
    stateDir: merged.stateDir ?? '/var/lib/tidemark-agent',
    root,
    policy: merged.policy ?? '/etc/tidemark/policy.yaml',
    trustRoot: merged.trustRoot ?? '/etc/tidemark/trust-root.json',
    factsDir: merged.factsDir ?? join(root, 'etc/tidemark/facts.d'),
    logLevel: merged.logLevel ?? 'info',
  };
}

/** Reads what the inputs name; the first thing that is not good is the error. */
export function validate(inputs: Inputs): Result<Settings, string> {
  if (!statSync(inputs.root, { throwIfNoEntry: false })?.isDirectory())
    return err(`root: ${inputs.root} is no directory; correct it in the config file`);
  const policy = loadPolicy(inputs.policy, process.getuid?.());
  if (!policy.ok) return policy;
  const trustRoot = loadTrustRoot(inputs.trustRoot);
  if (!trustRoot.ok) return trustRoot;
  return ok({ ...inputs, policy: policy.value, trustRoot: trustRoot.value });
}

function loadTrustRoot(file: string): Result<TrustRoot, string> {
  if (!existsSync(file)) {
    return err(
      `there is no trust root ${file}: it says whose approval counts on this server. Copy it from whoever approves plans ` +
        'and name it as trustRoot in the config file',
    );
  }
  const found = statSync(file);
  if ((found.mode & 0o022) !== 0) return err(`${file} may be written by group or others; run: chmod go-w ${file}`);
  const envelope = Envelope.safeParse(parseJson(readFileSync(file)));
  if (!envelope.success) return err(`${file} is no signed trust root (a DSSE envelope); copy it again`);
  const opened = openFirstTrustRoot(envelope.data);
  return opened.ok ? opened : err(`${file}: ${opened.error}`);
}

function absolute(fragment: Fragment, base: string): Fragment {
  const paths = ['stateDir', 'root', 'policy', 'trustRoot', 'factsDir'] as const;
  const made: Fragment = { ...fragment };
  for (const name of paths) {
    const path = fragment[name];
    if (path !== undefined) made[name] = resolve(base, path);
  }
  return made;
}
