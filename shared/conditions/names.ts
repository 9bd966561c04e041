import type { Environment, ParseError } from '@marcbachmann/cel-js';
import { didYouMean, nearest } from '../base/nearest.ts';

/** A variable of conditions: its CEL type, or the keys that it has with theirs. */
export type Variables = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** All names that one kind of condition can use. */
export interface Names {
  variables: readonly string[];
  /** By variable; those whose keys nobody knows beforehand are not there. */
  keys: ReadonlyMap<string, readonly string[]>;
  functions: readonly string[];
}

/** A name that nobody knows, and the character at which it is. */
export interface UnknownName {
  message: string;
  offset: number;
}

export function namesOf(environment: Environment, variables: Variables): Names {
  return {
    variables: Object.keys(variables),
    keys: new Map(
      Object.entries(variables).flatMap(([name, keys]) =>
        typeof keys === 'string' ? [] : [[name, Object.keys(keys)]],
      ),
    ),
    functions: [...new Set(environment.getDefinitions().functions.map(({ name }) => name))],
  };
}

type Node = ReturnType<Environment['parse']>['ast'];

/**
 * The first function or key in the condition that does not exist, or null. The checker of the library lets
 * `has(host.wrong)` pass, and blames the arguments of a macro whose name is misspelt.
 */
export function unknownName(node: unknown, names: Names, text: string): UnknownName | null {
  if (Array.isArray(node)) return firstOf(node, names, text);
  if (!isNode(node)) return null;
  const { op, args } = node;
  if (op === '.' && isNode(args[0]) && args[0].op === 'id')
    return unknownKey(String(args[0].args), String(args[1]), names, text.indexOf(String(args[1]), args[0].end));
  if (op === 'call' || op === 'rcall') {
    const called = args[0] as string;
    if (!names.functions.includes(called))
      return {
        message: `there is no function ${called}${didYouMean(called, names.functions)}`,
        offset: placeOfCall(called, text, op === 'rcall' ? (args[1] as Node).end : node.start),
      };
    return firstOf(args, op === 'rcall' ? namesInside(args[2], names) : names, text);
  }
  return unknownName(args, names, text);
}

function firstOf(nodes: readonly unknown[], names: Names, text: string): UnknownName | null {
  for (const node of nodes) {
    const unknown = unknownName(node, names, text);
    if (unknown) return unknown;
  }
  return null;
}

function unknownKey(variable: string, key: string, { keys }: Names, offset: number): UnknownName | null {
  const known = keys.get(variable);
  if (!known || known.includes(key)) return null;
  const near = didYouMean(key, known);
  return { message: `${variable} has no ${key}${near === '' ? `; it has ${known.join(', ')}` : near}`, offset };
}

/** A macro such as `exists(x, ...)` gives its first argument a meaning of its own. */
function namesInside(macroArguments: unknown, names: Names): Names {
  const [first] = Array.isArray(macroArguments) ? macroArguments : [];
  if (!isNode(first) || first.op !== 'id' || !names.keys.has(String(first.args))) return names;
  return { ...names, keys: new Map([...names.keys].filter(([name]) => name !== first.args)) };
}

/** What to add to the checker's own words: the name that was probably meant, or the sign. */
export function hintFor({ code, range }: ParseError, names: Names, text: string): string {
  const at = text.slice(range?.start, range?.end);
  if (code !== 'unknown_variable') {
    const sign = SIGNS[/^(and|or|not|[=&|'])/.exec(at)?.[0] ?? ''];
    return code === 'unexpected_character' && sign ? ` (did you mean "${sign}"?)` : '';
  }
  const paths = [...names.keys].flatMap(([variable, keys]) => keys.map(key => ({ key, path: `${variable}.${key}` })));
  const variable = nearest(at, names.variables);
  if (variable !== null) return ` (did you mean "${variable}"?)`;
  const key = nearest(
    at,
    paths.map(path => path.key),
  );
  const meant = paths.find(path => path.key === key);
  if (meant) return ` (did you mean "${meant.path}"?)`;
  return `; there is ${names.variables.join(' and ')}, and a text is written in quotes: "${at}"`;
}

/** How other languages write it, and how CEL does. */
const SIGNS: Readonly<Record<string, string>> = { '=': '==', '&': '&&', '|': '||', and: '&&', or: '||', not: '!' };

function placeOfCall(name: string, text: string, from: number): number {
  const at = text.indexOf(name, from);
  return at < 0 ? from : at;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
