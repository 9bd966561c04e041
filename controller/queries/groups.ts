import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, type Result } from '@tidemark/shared/base/result.ts';
import type { ConditionError } from '@tidemark/shared/conditions/cel.ts';
import { parseTree, questionsIn, type Tree } from '@tidemark/shared/conditions/tree.ts';
import type { GroupTrees } from './evaluate.ts';
import type { Group } from './records.ts';
import { HOST_LANGUAGE } from './shape.ts';

/** Reads a condition over hosts; groups that it names must be there. */
export function readQuery(text: string, groups: ReadonlySet<string>): Result<Tree, ConditionError> {
  const tree = parseTree(text, HOST_LANGUAGE);
  if (!tree.ok) return tree;
  for (const question of questionsIn(tree.value)) {
    if (question.is !== 'member' || groups.has(question.group)) continue;
    const near = didYouMean(question.group, [...groups]);
    return err({ message: `there is no group ${question.group}${near}`, offset: question.offset + 1 });
  }
  return tree;
}

/** Trees of all groups, by name. */
export function treesOf(groups: readonly Group[]): GroupTrees {
  const names = new Set(groups.map(({ name }) => name));
  return new Map(
    groups.map(({ name, select }) => {
      const tree = readQuery(select, names);
      return [name, tree.ok ? tree : err(tree.error.message)] as const;
    }),
  );
}

/** The way round in which groups name each other, `gold > silver > gold`; null where there is none. */
export function circleOf(trees: GroupTrees): string | null {
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): string | null => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name].join(' > ');
    const tree = trees.get(name);
    if (done.has(name) || !tree?.ok) return null;
    for (const group of namedIn(tree.value)) {
      const found = visit(group, [...way, name]);
      if (found !== null) return found;
    }
    done.add(name);
    return null;
  };
  for (const name of trees.keys()) {
    const found = visit(name, []);
    if (found !== null) return found;
  }
  return null;
}

/** Names of the groups that a condition asks for itself. */
export const namedIn = (tree: Tree): string[] => [
  ...new Set([...questionsIn(tree)].flatMap(each => (each.is === 'member' ? [each.group] : []))),
];

/** Sections that must be known for a condition, those of the groups that it names with them. */
export function kindsFor(tree: Tree, trees: GroupTrees, seen: ReadonlySet<string> = new Set()): Set<string> {
  const kinds = new Set<string>();
  for (const question of questionsIn(tree)) {
    if (question.is === 'list') kinds.add(question.field);
    else if (question.is === 'question') for (const field of question.fields) kinds.add(field);
    else if (!seen.has(question.group)) {
      const group = trees.get(question.group);
      if (group?.ok)
        for (const kind of kindsFor(group.value, trees, new Set([...seen, question.group]))) kinds.add(kind);
    }
  }
  return kinds;
}
