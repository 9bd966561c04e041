import { afterAll, describe, expect, it } from 'vitest';
import { allCells, coveringCells, expectedOf } from './executor-kill-cells.ts';
import { KillWorld } from './executor-kill-world.ts';

/*
 * Every transition of an order, by every way in which it can come about, with the executor killed at every moment of it.
 * Here some of each sort; `KILL_MATRIX=whole vitest run --project contract executor-kill-matrix` runs all.
 */
const all = allCells();
const cells = process.env['KILL_MATRIX'] === 'whole' ? all : coveringCells(all);

const world = new KillWorld();

afterAll(() => world.close());

describe.concurrent(`an executor that is killed: ${cells.length} of ${all.length} cells`, () => {
  it.for(cells.map(cell => [cell.name, cell] as const))('%s', { timeout: 240_000 }, async ([, cell]) => {
    const { wrong, ...ending } = await world.run(cell);
    expect(wrong).toEqual([]);
    expect(ending).toEqual(expectedOf(cell));
  });
});
