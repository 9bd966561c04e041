import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { isSectionKind, SITE_FACT_NAME } from '@tidemark/shared/inventory/kinds.ts';
import { type CommandPlace, runCommand } from '../platform/command.ts';

/** A site's own facts: executables that print JSON. What they do wrong is a fact too. */
export interface SiteFacts {
  facts: Record<string, unknown>;
  /** `cluster.sh: exit status 1`. */
  errors: string[];
}

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 256 * 1024;
/**
 * Runs every executable in `directory`, or those for the facts in `only`, in the order of names. A directory that is not
 * there has none.
 */
export async function collectSiteFacts(
  directory: string,
  root: string,
  place: CommandPlace,
  only: readonly string[] | null = null,
): Promise<SiteFacts> {
  const found: SiteFacts = { facts: {}, errors: [] };
  for (const name of executablesIn(directory, found.errors)) {
    const key = parse(name).name;
    if (only !== null && !only.includes(key)) continue;
    if (!SITE_FACT_NAME.test(key)) {
      found.errors.push(`${name}: ${key} is no name for a fact: letters, digits, "_", "." and "-", 64 at most`);
      continue;
    }
    // The agent's own kinds are no names for what others write.
    if (isSectionKind(key) || Object.hasOwn(found.facts, key)) {
      found.errors.push(`${name}: the name ${key} is taken`);
      continue;
    }
    try {
      found.facts[key] = await runOne(join(directory, name), root, place);
    } catch (error) {
      found.errors.push(`${name}: ${(error as Error).message}`);
    }
  }
  return found;
}

function executablesIn(directory: string, errors: string[]): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') errors.push(`${directory}: ${(error as Error).message}`);
    return [];
  }
  const names: string[] = [];
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name.startsWith('.')) continue;
    const stat = lstatSync(join(directory, name));
    if (!stat.isFile() || (stat.mode & 0o111) === 0) continue;
    // Whoever may write it would run as the agent.
    if ((stat.mode & 0o022) !== 0) errors.push(`${name}: may be written by group or others; chmod go-w it`);
    else if (stat.uid !== 0 && stat.uid !== process.getuid?.())
      errors.push(`${name}: belongs to user ${stat.uid}; chown it to root`);
    else names.push(name);
  }
  return names;
}

async function runOne(file: string, root: string, place: CommandPlace): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  const enough = new AbortController();
  const signal = AbortSignal.any([place.signal, AbortSignal.timeout(TIMEOUT_MS), enough.signal]);
  const end = await runCommand([file], {
    ...place,
    // The directory is the agent's setting, already a path of this machine: only the working directory is the root.
    root: '/',
    environment: { TIDEMARK_ROOT: root },
    workingDirectory: root,
    killOnAbort: true,
    signal,
    output: (data, stream) => {
      if (stream !== 'stdout') return;
      size += data.length;
      if (size > MAX_OUTPUT_BYTES) enough.abort();
      else parts.push(Buffer.from(data));
    },
  }).catch((error: unknown) => {
    if (enough.signal.aborted) throw new Error(`printed more than ${MAX_OUTPUT_BYTES} bytes`);
    if (signal.aborted) throw new Error(`did not end within ${TIMEOUT_MS} ms`);
    throw error;
  });
  if (end.status !== 0) throw new Error(end.status === null ? `ended by ${end.signal}` : `exit status ${end.status}`);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    throw new Error(`did not print JSON: ${(error as Error).message}`);
  }
}
