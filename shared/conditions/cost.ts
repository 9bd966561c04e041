import { isNode, type Node, type UnknownName } from './names.ts';

/** Macros that go through a list. */
export const MACROS: ReadonlySet<string> = new Set(['exists', 'all', 'exists_one', 'filter', 'map']);

/**
 * Lists within lists within lists: with the 600 packages of a server three of them are 216 million questions for one host,
 * and nothing interrupts an evaluation. Two are 360,000, a second at most.
 */
const MAX_NESTED = 2;

/** Where the condition would cost more than a controller may spend on one host; null where it would not. */
export function tooCostly(node: unknown, nested = 0): UnknownName | null {
  if (Array.isArray(node)) {
    for (const each of node) {
      const found = tooCostly(each, nested);
      if (found) return found;
    }
    return null;
  }
  if (!isNode(node)) return null;
  if (node.op !== 'rcall' || !MACROS.has(node.args[0])) return tooCostly(node.args, nested);
  if (nested === MAX_NESTED)
    return {
      message: `${node.args[0]} inside of ${MAX_NESTED} others that go through lists would take too long: put what it finds into a group, and ask for that`,
      offset: beginOf(node),
    };
  return tooCostly(node.args[1], nested) ?? tooCostly(node.args[2], nested + 1);
}

const beginOf = (node: Node): number => node.start;
