import { type Answer, isJunction, type Tree } from '@tidemark/shared/conditions/tree.ts';
import type { Evaluation, GroupTrees, HostView } from './evaluate.ts';
import { plainValue } from './values.ts';

/** A condition with what each part of it came to for one host. */
export interface Explained {
  text: string;
  /** Null: it cannot be known. */
  answer: Answer;
  /** `and`, `or`, `not`, `group` of what is below; null for a question. */
  is: 'and' | 'or' | 'not' | 'group' | null;
  /** What was found, or why nothing was: `host.os.version is "12.8"`. */
  found: string;
  parts: Explained[];
}

export function explain(tree: Tree, host: HostView, evaluation: Evaluation, groups: GroupTrees): Explained {
  if (tree.is === 'not' || isJunction(tree)) {
    const below = tree.is === 'not' ? [tree.part] : tree.parts;
    const parts = below.map(part => explain(part, host, evaluation, groups));
    return { text: tree.text, answer: evaluation.decide(tree, host), is: tree.is, found: '', parts };
  }
  const { answer, why } = evaluation.ask(tree, host);
  const told = { text: tree.text, answer };
  if (tree.is === 'member') {
    const group = groups.get(tree.group);
    const parts = group?.ok ? [explain(group.value, host, evaluation, groups)] : [];
    return { ...told, is: 'group', found: parts.length === 0 ? (why ?? '') : '', parts };
  }
  if (why !== null) return { ...told, is: null, found: why, parts: [] };
  if (tree.is === 'list') return { ...told, is: null, found: itemsFound(tree, host, evaluation), parts: [] };
  const values = [...new Set(tree.text.match(PATH) ?? [])].flatMap(path => {
    const value = valueAt(path.split('.').slice(1), host, evaluation);
    return value === undefined ? [] : [`${path} is ${shown(value)}`];
  });
  return { ...told, is: null, found: values.join(', '), parts: [] };
}

/** What a question names: `host.os.version`, without what is called on it. */
const PATH = /\bhost(?:\.[A-Za-z_]\w*)+(?![\w(])/g;

function valueAt([field = '', ...rest]: readonly string[], host: HostView, evaluation: Evaluation): unknown {
  let value = evaluation.valueOf(field, host);
  for (const key of rest) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const MOST = 3;

function itemsFound(question: Extract<Tree, { is: 'list' }>, host: HostView, evaluation: Evaluation): string {
  const decisive = question.macro === 'exists';
  const items = evaluation.itemsAnswering(question, host, decisive);
  if (items.length === 0)
    return decisive ? `no ${question.item} of host.${question.field} is so` : 'all of them are so';
  const first = items.slice(0, MOST).map(item => named(item));
  const more = items.length > MOST ? ` and ${items.length - MOST} more` : '';
  return `${decisive ? '' : 'not '}${first.join(', ')}${more}`;
}

/** `openssl 3.0.14-1`: what people call it by. */
function named(item: unknown): string {
  if (typeof item !== 'object' || item === null) return shown(item);
  const { name, version } = item as Record<string, unknown>;
  return typeof name === 'string' ? [name, version].filter(part => typeof part === 'string').join(' ') : shown(item);
}

const MOST_SHOWN = 120;

function shown(value: unknown): string {
  const text = JSON.stringify(plainValue(value)) ?? '';
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}...` : text;
}
