import { err, ok, type Result } from '../base/result.ts';
import { asBoolean, BOOLEAN, type CelLanguage, type ConditionError, type Evaluate, readCel } from './cel.ts';
import { isNode, type Node, nodesIn } from './names.ts';

/*
 * A condition about one variable as what holds together by and, or and not, and the single questions in between. Each question
 * says which fields of the variable it needs, so that it is asked once for hosts that have the same there; and what is not known
 * of a host makes the question unknown, and never false (Kleene's logic, which is also how CEL treats errors).
 */

/** `null`: it cannot be known. */
export type Answer = boolean | null;

export type Tree = Junction | Negation | AnyQuestion;
export type AnyQuestion = Question | MemberQuestion | ListQuestion;

export interface Junction {
  is: 'and' | 'or';
  text: string;
  parts: readonly Tree[];
}

export interface Negation {
  is: 'not';
  text: string;
  part: Tree;
}

interface Asked {
  /** As it was written, and at which character. */
  text: string;
  offset: number;
}

export interface Question extends Asked {
  is: 'question';
  /** Fields of the variable, sorted. */
  fields: readonly string[];
  evaluate: Evaluate;
}

/** `"gold" in host.groups` */
export interface MemberQuestion extends Asked {
  is: 'member';
  group: string;
}

/** `host.packages.exists(p, ...)`, of which the part about `p` speaks of nothing else. */
export interface ListQuestion extends Asked {
  is: 'list';
  field: string;
  macro: 'exists' | 'all';
  item: string;
  /** Of one item. */
  evaluate: Evaluate;
}

export interface TreeOptions {
  language: CelLanguage;
  /** The variable that the condition is about: `host`. */
  variable: string;
  /** Its field that holds names of groups. */
  groups: string;
  /** Fields whose items are asked about one by one. */
  lists: ReadonlySet<string>;
}

export function parseTree(text: string, options: TreeOptions): Result<Tree, ConditionError> {
  if (text.trim() === '')
    return err({
      message: 'the condition is empty: an empty one never means all; write true for every host',
      offset: 0,
    });
  const read = readCel(options.language, text, BOOLEAN.types, BOOLEAN.expected);
  if (!read.ok) return read;
  const bare = bareVariable(read.value.ast, options);
  if (bare) return err(bare);
  try {
    return ok(build(read.value.ast, text, options));
  } catch (error) {
    if (error instanceof Unusable) return err(error.condition);
    throw error;
  }
}

class Unusable extends Error {
  readonly condition: ConditionError;
  constructor(condition: ConditionError) {
    super(condition.message);
    this.condition = condition;
  }
}

function build(node: Node, text: string, options: TreeOptions): Tree {
  const own = text.slice(node.start, node.end);
  if (node.op === '&&' || node.op === '||') {
    const is = node.op === '&&' ? 'and' : 'or';
    const parts = sidesOf(node, node.op).map(side => build(side, text, options));
    return { is, text: own, parts };
  }
  if (node.op === '!_') return { is: 'not', text: own, part: build(node.args, text, options) };
  return memberOf(node, own, options) ?? listOf(node, own, options) ?? questionOf(node, own, options);
}

/** `a && b && c` are three, not two in one. */
function sidesOf(node: Node, op: '&&' | '||'): Node[] {
  if (node.op !== op) return [node];
  return [...sidesOf(node.args[0], op), ...sidesOf(node.args[1], op)];
}

function memberOf(node: Node, text: string, { variable, groups }: TreeOptions): MemberQuestion | null {
  const named = node.op === 'in' && isFieldOf(node.args[1], variable) === groups ? node.args[0] : null;
  if (named?.op === 'value' && typeof named.args === 'string')
    return { is: 'member', text, offset: node.start, group: named.args };
  const mention = [...nodesIn(node)].find(each => isFieldOf(each, variable) === groups);
  if (!mention) return null;
  throw new Unusable({
    message: `${variable}.${groups} is asked for one group by its name: "gold" in ${variable}.${groups}`,
    offset: mention.start,
  });
}

function listOf(node: Node, text: string, options: TreeOptions): ListQuestion | null {
  if (node.op !== 'rcall') return null;
  const [macro, receiver, macroArguments] = node.args;
  const field = isFieldOf(receiver, options.variable);
  const [item, about] = macroArguments;
  if ((macro !== 'exists' && macro !== 'all') || field === null || !options.lists.has(field)) return null;
  if (item?.op !== 'id' || !about || item.args === options.variable) return null;
  const others = [...nodesIn(about)].some(each => each.op === 'id' && each.args === options.variable);
  if (others) return null;
  const { language, variable } = options;
  // One item at a time: whatever gives no answer for it says so.
  const whole = readCel(language, text, BOOLEAN.types, BOOLEAN.expected);
  if (!whole.ok) return null;
  const evaluate: Evaluate = ({ [item.args]: value }) => whole.value.evaluate({ [variable]: { [field]: [value] } });
  return { is: 'list', text, offset: node.start, field, macro, item: item.args, evaluate };
}

function questionOf(node: Node, text: string, { language, variable }: TreeOptions): Question {
  const fields = new Set<string>();
  for (const each of nodesIn(node)) {
    const field = isFieldOf(each, variable);
    if (field !== null) fields.add(field);
  }
  const read = readCel(language, text, BOOLEAN.types, BOOLEAN.expected);
  if (!read.ok) throw new Unusable({ ...read.error, offset: node.start + read.error.offset });
  return { is: 'question', text, offset: node.start, fields: [...fields].sort(), evaluate: read.value.evaluate };
}

/** The name of the field, where the node is one of the variable's own. */
function isFieldOf(node: Node, variable: string): string | null {
  if (node.op !== '.' && node.op !== '.?') return null;
  const [of, field] = node.args;
  return of.op === 'id' && of.args === variable ? field : null;
}

/** The variable alone, without a field: nobody could say what the question depends on. */
function bareVariable(node: unknown, options: TreeOptions, isReceiver = false): ConditionError | null {
  if (Array.isArray(node)) {
    for (const each of node) {
      const found = bareVariable(each, options);
      if (found) return found;
    }
    return null;
  }
  if (!isNode(node)) return null;
  if (node.op === 'id')
    return node.args === options.variable && !isReceiver
      ? {
          message: `${options.variable} alone says nothing: name one of its fields, like ${options.variable}.name`,
          offset: node.start,
        }
      : null;
  if (node.op === '.') return bareVariable(node.args[0], options, true);
  return bareVariable(node.args, options);
}

/** Whether other conditions are in it, held together by and, or or. */
export const isJunction = (tree: Tree): tree is Junction => tree.is === 'and' || tree.is === 'or';

/** Every question of the tree, in the order in which they are written. */
export function* questionsIn(tree: Tree): Generator<AnyQuestion> {
  if (tree.is === 'not') yield* questionsIn(tree.part);
  else if (isJunction(tree)) for (const part of tree.parts) yield* questionsIn(part);
  else yield tree;
}

/** What follows from the answers to the questions. */
export function decide(tree: Tree, ask: (question: AnyQuestion) => Answer): Answer {
  if (tree.is === 'not') {
    const answer = decide(tree.part, ask);
    return answer === null ? null : !answer;
  }
  if (!isJunction(tree)) return ask(tree);
  const decisive = tree.is === 'or';
  let answer: Answer = !decisive;
  for (const part of tree.parts) {
    const one = decide(part, ask);
    if (one === decisive) return decisive;
    if (one === null) answer = null;
  }
  return answer;
}

/** The answer of a question that was evaluated, and why there is none. */
export function answered(evaluated: Result<unknown, string>): { answer: Answer; why: string | null } {
  const answer = asBoolean(evaluated);
  return answer.ok ? { answer: answer.value, why: null } : { answer: null, why: answer.error };
}
