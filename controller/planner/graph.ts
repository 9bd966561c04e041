/**
 * A cycle among the nodes that `next` leads through, as the list of its nodes in their order, or null. Iterative: plans have
 * chains of many thousand nodes.
 */
export function findCycle<T>(nodes: Iterable<T>, next: (node: T) => readonly T[]): T[] | null {
  const done = new Set<T>();
  for (const root of nodes) {
    if (done.has(root)) continue;
    const onPath = new Set<T>([root]);
    const path: { node: T; edges: readonly T[]; index: number }[] = [{ node: root, edges: next(root), index: 0 }];
    while (path.length > 0) {
      const top = path[path.length - 1] as (typeof path)[number];
      const target = top.edges[top.index++];
      if (top.index > top.edges.length) {
        done.add(top.node);
        onPath.delete(top.node);
        path.pop();
      } else if (target !== undefined && onPath.has(target)) {
        const nodesOnPath = path.map(({ node }) => node);
        return nodesOnPath.slice(nodesOnPath.indexOf(target));
      } else if (target !== undefined && !done.has(target)) {
        onPath.add(target);
        path.push({ node: target, edges: next(target), index: 0 });
      }
    }
  }
  return null;
}

/**
 * The items so that each comes after what it needs, and otherwise in the order in which they are given. Needs that are no
 * items are left out. Takes only needs without a cycle.
 */
export function inOrderOfNeeds<T>(
  items: readonly T[],
  id: (item: T) => string,
  needs: (item: T) => readonly string[],
): T[] {
  const left = new Map(items.map(item => [id(item), item]));
  const sorted: T[] = [];
  while (left.size > 0) {
    const ready = [...left.values()].find(item => !needs(item).some(need => left.has(need)));
    if (ready === undefined) break;
    left.delete(id(ready));
    sorted.push(ready);
  }
  return sorted;
}
