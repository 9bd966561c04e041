import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { keyOf, type PlannedPackage } from './file-package-backend.ts';
import { localFile } from './file-packages-bring.ts';
import { checkBefore, checkPlan, type FileState, isWell } from './file-packages-check.ts';
import type { FileGround } from './file-packages-ground.ts';
import { againOf } from './file-packages-unfinished.ts';
import type { ChangeNeed, ChangeRequest } from './os-package.ts';

/** What a wish comes to on this server. */
export interface Resolved extends ChangeNeed {
  planned: PlannedPackage[];
  /** Of `planned` those that are installed in their version, and not well. */
  again: PlannedPackage[];
  unchanged: string[];
  others: string[];
}

type Wish = Pick<ChangeRequest, 'packages' | 'others' | 'mode'>;

/** Throws where the wish cannot be, or would change what it does not list. */
export async function resolveWish(ground: FileGround, state: FileState, wish: Wish): Promise<Resolved> {
  const { backend, store } = ground;
  const same = (exact: ExactPackage) =>
    state.all.filter(
      each =>
        keyOf(each, state.native) === keyOf(exact, state.native) && each.version === backend.normal(exact.version),
    );
  const isSo = (exact: ExactPackage) => same(exact).some(isWell);
  const open = wish.packages.filter(exact => !isSo(exact));
  const unchanged = wish.packages.filter(isSo).map(({ name }) => name);
  if (open.length === 0)
    return { planned: [], again: [], unchanged, others: [], changes: [], downloadBytes: 0, unpackedBytes: 0 };
  checkBefore(state, open, wish.mode);
  const halfWay = open.flatMap(same);
  const again = await againOf(ground, halfWay);
  const moving = open.filter(exact => same(exact).length === 0);
  const { planned, removals } =
    moving.length === 0
      ? { planned: [], removals: [] }
      : await backend.resolve(
          moving.map(exact => {
            const file = localFile(ground, exact);
            return { exact, file: file === null ? null : store.path(file) };
          }),
        );
  const { changes, others } = checkPlan(backend, state, { moving, planned, removals, others: wish.others });
  const missing = planned.filter(({ file }) => !store.has(file));
  return {
    planned: [...planned, ...again],
    again,
    unchanged,
    others,
    changes,
    downloadBytes: missing.reduce((sum, each) => sum + each.downloadBytes, 0),
    unpackedBytes: planned.reduce((sum, each) => sum + each.unpackedBytes, 0),
  };
}
