import type { Environment, ParseError } from '@marcbachmann/cel-js';
import { didYouMean, nearest } from '../base/nearest.ts';
import { versionHint } from './versions.ts';

/** The fields of a thing with their CEL types. */
export type Fields = Readonly<Record<string, string>>;
/** A variable of conditions: its CEL type, or the keys that it has with theirs. */
export type Variables = Readonly<Record<string, string | Fields>>;
/** Things with fields that types of variables name, by their name. */
export type Types = Readonly<Record<string, Fields>>;

/** All names that one kind of condition can use. */
export interface Names {
  /** By variable the name of its type; of one with keys of its own the variable's name, which is in {@link Names.types} too. */
  scope: ReadonlyMap<string, string>;
  types: Types;
  functions: readonly string[];
}

/** A name that nobody knows, and the character at which it is. */
export interface UnknownName {
  message: string;
  offset: number;
}

export function namesOf(environment: Environment, variables: Variables, types: Types): Names {
  const own = Object.entries(variables).flatMap(([name, keys]) => (typeof keys === 'string' ? [] : [[name, keys]]));
  return {
    scope: new Map(Object.entries(variables).map(([name, is]) => [name, typeof is === 'string' ? is : name])),
    types: { ...types, ...Object.fromEntries(own) },
    functions: [...new Set(environment.getDefinitions().functions.map(({ name }) => name))],
  };
}

export type Node = ReturnType<Environment['parse']>['ast'];

/**
 * The first function or key in the condition that does not exist, or null. The checker of the library lets
 * `has(host.wrong)` pass, and blames the arguments of a macro whose name is misspelt.
 */
export function unknownName(node: unknown, names: Names, text: string): UnknownName | null {
  if (Array.isArray(node)) return firstOf(node, names, text);
  if (!isNode(node)) return null;
  const { op, args } = node;
  if (op === '.') {
    const inside = unknownName(args[0], names, text);
    return inside ?? unknownKey(args[0], args[1], names, text.indexOf(args[1], args[0].end), text);
  }
  if (op === 'call' || op === 'rcall') {
    const called = args[0];
    if (!names.functions.includes(called))
      return {
        message: `there is no function ${called}${didYouMean(called, names.functions)}`,
        offset: placeOfCall(called, text, op === 'rcall' ? args[1].end : node.start),
      };
    if (op === 'call') return firstOf(args, names, text);
    const receiver = unknownName(args[1], names, text);
    return receiver ?? firstOf(args[2], namesInside(args[1], args[2], names), text);
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

function unknownKey(receiver: Node, key: string, names: Names, offset: number, text: string): UnknownName | null {
  const fields = fieldsOf(typeOf(receiver, names), names);
  if (!fields || Object.hasOwn(fields, key)) return null;
  const known = Object.keys(fields);
  const near = didYouMean(key, known);
  const what = text.slice(receiver.start, receiver.end);
  return { message: `${what} has no ${key}${near === '' ? `; it has ${known.join(', ')}` : near}`, offset };
}

const fieldsOf = (type: string | null, { types }: Names): Fields | null =>
  type !== null && Object.hasOwn(types, type) ? (types[type] ?? null) : null;

/** Null where it is not known before it is evaluated. */
function typeOf(node: Node, names: Names): string | null {
  const { op, args } = node;
  if (op === 'id') return names.scope.get(args) ?? null;
  if (op === '.') return fieldsOf(typeOf(args[0], names), names)?.[args[1]] ?? null;
  if (op === '[]') return memberOf(typeOf(args[0], names), 'value');
  if (op === 'rcall' && args[0] === 'filter') return typeOf(args[1], names);
  return null;
}

/** Of a list what it holds; of a map its keys, over which macros go, or its values. */
function memberOf(type: string | null, of: 'key' | 'value'): string | null {
  const list = /^list<(.+)>$/.exec(type ?? '')?.[1];
  if (list !== undefined) return list;
  const map = /^map<([^,]+), *(.+)>$/.exec(type ?? '');
  return map?.[of === 'key' ? 1 : 2] ?? null;
}

/** A macro such as `exists(x, ...)` gives its first argument a meaning of its own. */
function namesInside(receiver: Node, macroArguments: readonly Node[], names: Names): Names {
  const [first] = macroArguments;
  if (first?.op !== 'id' || macroArguments.length < 2) return names;
  const scope = new Map(names.scope);
  scope.set(first.args, memberOf(typeOf(receiver, names), 'key') ?? 'dyn');
  return { ...names, scope };
}

/** What to add to the checker's own words: the name that was probably meant, or the sign. */
export function hintFor({ code, range, message }: ParseError, names: Names, text: string): string {
  const at = text.slice(range?.start, range?.end);
  if (code !== 'unknown_variable') {
    const version = code === 'no_such_overload' ? versionHint(message) : null;
    if (version !== null) return `: ${version}`;
    const sign = SIGNS[/^(and|or|not|[=&|'])/.exec(at)?.[0] ?? ''];
    return code === 'unexpected_character' && sign ? ` (did you mean "${sign}"?)` : '';
  }
  const variables = [...names.scope.keys()];
  const paths = variables.flatMap(variable =>
    Object.keys(fieldsOf(names.scope.get(variable) ?? null, names) ?? {}).map(key => ({
      key,
      path: `${variable}.${key}`,
    })),
  );
  const variable = nearest(at, variables);
  if (variable !== null) return ` (did you mean "${variable}"?)`;
  const key = nearest(
    at,
    paths.map(path => path.key),
  );
  const meant = paths.find(path => path.key === key);
  if (meant) return ` (did you mean "${meant.path}"?)`;
  return `; there is ${variables.join(' and ')}, and a text is written in quotes: "${at}"`;
}

/** How other languages write it, and how CEL does. */
const SIGNS: Readonly<Record<string, string>> = { '=': '==', '&': '&&', '|': '||', and: '&&', or: '||', not: '!' };

function placeOfCall(name: string, text: string, from: number): number {
  const at = text.indexOf(name, from);
  return at < 0 ? from : at;
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

/** Every node below and with this one. */
export function* nodesIn(node: unknown): Generator<Node> {
  if (Array.isArray(node)) for (const each of node) yield* nodesIn(each);
  else if (isNode(node)) {
    yield node;
    yield* nodesIn(node.args);
  }
}
