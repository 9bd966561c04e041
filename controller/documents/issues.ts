import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import type { z } from 'zod';
import { knownKeysAt } from './schema-keys.ts';

/** One complaint of a schema: where (the key itself for unknown keys), and what to do. */
export interface Complaint {
  path: PropertyKey[];
  /** Whether the place is the key at the end of `path` and not its value. */
  atKey: boolean;
  message: string;
}

/** Turns a schema's issues into complaints that name the path and, for unknown keys, the nearest known one. */
export function complaints(
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  base: readonly PropertyKey[] = [],
): Complaint[] {
  return issues.flatMap(issue => complain(schema, issue, base, []));
}

/** `base` is where the schema begins in the document, `within` where a union inside of it does. */
function complain(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssue,
  base: readonly PropertyKey[],
  within: readonly PropertyKey[],
): Complaint[] {
  const inSchema = [...within, ...issue.path];
  const path = [...base, ...inSchema];
  switch (issue.code) {
    case 'unrecognized_keys': {
      // Another alternative of a union may well know the key: it is no slip of the hand then.
      const all = knownKeysAt(schema, inSchema);
      const knownTo = (key: string) => all.filter(each => each !== key);
      return issue.keys.map(key => ({
        path: [...path, key],
        atKey: true,
        message: `unknown key "${key}" in ${pathText(path)}${hint(key, knownTo(key))}`,
      }));
    }
    case 'invalid_union': {
      // A union that goes by one key names the values that this key may have.
      const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] };
      if (discriminator !== undefined && issue.errors.length === 0)
        return [
          { path, atKey: false, message: `${pathText(path)} must be ${(options ?? []).map(quote).join(' or ')}` },
        ];
      const branch = likeliest(issue.errors);
      if (branch) return branch.flatMap(inner => complain(schema, inner, base, inSchema));
      return [{ path, atKey: false, message: `${pathText(path)} must be ${alternativesOf(issue.errors)}` }];
    }
    case 'invalid_type':
      // zod says "received undefined", which is what a program calls a key that is not there.
      return issue.message.endsWith('received undefined')
        ? [{ path, atKey: false, message: `${pathText(path)} is missing: it must be ${article(issue.expected)}` }]
        : [{ path, atKey: false, message: `${pathText(path)} must be ${article(issue.expected)}` }];
    case 'invalid_value':
      return [{ path, atKey: false, message: `${pathText(path)} must be ${issue.values.map(quote).join(' or ')}` }];
    case 'invalid_key':
      return [{ path, atKey: true, message: `${pathText(path)}: ${issue.issues[0]?.message ?? issue.message}` }];
    default:
      return [{ path, atKey: false, message: `${pathText(path)}: ${issue.message}` }];
  }
}

/** Of a union's alternatives, the one whose value fitted furthest: its complaint is what the author wants to read. */
function likeliest(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | null {
  const depth = (issues: readonly z.core.$ZodIssue[]) =>
    Math.max(...issues.map(issue => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)));
  const ranked = branches.filter(issues => issues.length > 0).sort((a, b) => depth(b) - depth(a));
  const [first, second] = ranked;
  // Where the kind of value is right and only its form is wrong, that alternative was meant.
  const rightKind = ranked.find(issues =>
    issues.every(({ code }) => code !== 'invalid_type' && code !== 'invalid_value'),
  );
  if (!first || depth(first) === 0) return rightKind ?? null;
  return !second || depth(second) < depth(first) || first.length <= second.length ? first : second;
}

/** What the alternatives of a union would take: `"standard" or a list`. */
function alternativesOf(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const wanted = branches.flatMap(([issue]) => {
    if (issue?.code === 'invalid_type') return [article(issue.expected)];
    return issue?.code === 'invalid_value' ? issue.values.map(quote) : [];
  });
  return wanted.length > 0 ? [...new Set(wanted)].join(' or ') : 'something else';
}

/** `spec.waves[2].when`; the document itself where the path is empty. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the document';
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function hint(key: string, known: readonly string[]): string {
  const near = didYouMean(key, known);
  if (near !== '' || known.length === 0) return near;
  return `; known are ${known.join(', ')}`;
}

const article = (expected: string): string => NAMES[expected] ?? `a ${expected}`;
const NAMES: Record<string, string> = {
  array: 'a list',
  tuple: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  int: 'a whole number',
  boolean: 'true or false',
};
const quote = (value: unknown) => JSON.stringify(value);
