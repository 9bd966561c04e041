import { dirname, join, normalize } from 'node:path';
import { parseDocument } from 'yaml';
import { MAX_POLICY_BYTES } from '../api/contract/plans.ts';
import { CliError, Exit } from './exit.ts';
import { readText } from './files.ts';
import { plain } from './output/sanitise.ts';

/**
 * The calendars that a policy names, read from its directory and from below it: a policy that somebody else wrote cannot
 * make this command send other files of this machine. What is wrong with the policy itself, the controller says.
 */
export async function filesOfPolicy(path: string, text: string): Promise<{ name: string; text: string }[]> {
  const files: { name: string; text: string }[] = [];
  for (const name of calendarNames(text)) {
    const below = normalize(name);
    if (below.startsWith('..') || below.startsWith('/') || !below.endsWith('.ics'))
      throw new CliError(
        Exit.error,
        `${plain(path)} names the calendar ${plain(name)}: calendars are .ics files beside the policy or below its directory`,
      );
    files.push({ name, text: await readText(join(dirname(path), below), MAX_POLICY_BYTES) });
  }
  return files;
}

/** What the policy calls itself; null where it does not. */
export function nameOfPolicy(text: string): string | null {
  const name = valueAt(text, ['metadata', 'name']);
  return typeof name === 'string' ? name : null;
}

function calendarNames(text: string): string[] {
  const names = valueAt(text, ['spec', 'window', 'blackout']);
  return Array.isArray(names) ? [...new Set(names.filter(name => typeof name === 'string'))] : [];
}

/** Whatever the file holds there; nothing where it is no YAML, which the controller will say with its place. */
function valueAt(text: string, path: readonly string[]): unknown {
  try {
    let value: unknown = parseDocument(text, { merge: false }).toJS({ maxAliasCount: 0 });
    for (const key of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    return value;
  } catch {
    return undefined;
  }
}
