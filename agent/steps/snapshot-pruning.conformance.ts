import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SnapshotCreateArgs } from '@tidemark/shared/orders/kinds/snapshot.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepResult } from './directory.ts';

type Ended = Pick<StepResult, 'outcome' | 'message' | 'facts'>;

/** A server with something to keep, and steps on it that are processes of their own. */
export interface PruningFixture {
  /** Does a step to its end. */
  step(kind: string, args: object): Promise<Ended>;
  /** As a power cut: ends the step, and all that it has started, so long after its start. */
  cutOff(kind: string, args: object, afterMs: number): Promise<void>;
  /** What an order says to keep it by this method. */
  create(name: string, expiresAt?: number): SnapshotCreateArgs;
  /** What an order says to put it back. */
  revert(name: string): object;
  /** How many snapshots lie where the method keeps them, found out without it. */
  count(): number | Promise<number>;
  /** What is to be kept. */
  write(text: string): void | Promise<void>;
  read(): string | Promise<string>;
  /** Where a file of the agent's state directory lies. */
  state(file: string): string;
  close(): void | Promise<void>;
}

/** Long ago, and not to be seen by any of these tests. */
const [PAST, FUTURE] = [1_000, 4_102_444_800_000];

/** What becomes of snapshots in time, whatever keeps them. `cuts`: after how many milliseconds a step is cut off. */
export function pruningConformance(
  name: string,
  make: () => PruningFixture | Promise<PruningFixture>,
  cuts: readonly number[],
): void {
  describe(`snapshots of the ${name} method in time`, () => {
    let fixture: PruningFixture;
    beforeEach(async () => {
      fixture = await make();
      await fixture.write('one');
    });
    afterEach(() => fixture.close());

    const create = (snapshot: string, expiresAt?: number) => ok('create', fixture.create(snapshot, expiresAt));
    const prune = () => ok('prune', {});
    const record = (snapshot: string) => fixture.state(`snapshots/records/${snapshot}.json`);
    const begun = (snapshot: string) => fixture.state(`snapshots/begun/${snapshot}.json`);
    const written = () =>
      ['records', 'begun'].flatMap(sort => {
        const directory = fixture.state(`snapshots/${sort}`);
        return existsSync(directory) ? readdirSync(directory).sort() : [];
      });
    async function ok(kind: string, args: object): Promise<Ended> {
      const ended = await fixture.step(`snapshot/${kind}`, args);
      if (ended.outcome !== 'succeeded') throw new Error(`${kind} should succeed: ${ended.message}`);
      return ended;
    }

    it('go once it is over, and stay until then, or until they are signed off by name', async () => {
      await create('unexpired', FUTURE);
      await create('unsigned');
      await create('expired', PAST);
      expect(await fixture.count()).toBe(3);
      expect((await prune()).facts).toEqual({ deleted: ['expired'] });
      expect((await prune()).facts).toEqual({ deleted: [] });
      expect(await fixture.count()).toBe(2);
      for (const snapshot of ['unexpired', 'unsigned']) {
        await fixture.write('patched');
        await ok('revert', fixture.revert(snapshot));
        expect(await fixture.read()).toBe('one');
      }
      expect((await fixture.step('snapshot/revert', fixture.revert('expired'))).message).toMatch(
        /there is no snapshot/,
      );
      await ok('delete', { name: 'unsigned' });
      expect(await fixture.count()).toBe(1);
      expect(written()).toEqual(['unexpired.json']);
    });

    it('go before the next one is made', async () => {
      await create('expired', PAST);
      const { message } = await create('tonight', FUTURE);
      expect(message).toMatch(/before that, deleted: expired/);
      expect(await fixture.count()).toBe(1);
      expect(written()).toEqual(['tonight.json']);
    });

    it('are deleted for good where the power went between them and what is known of them', async () => {
      await create('unexpired', FUTURE);
      await create('expired', PAST);
      const known = readFileSync(record('expired'));
      await prune();
      writeFileSync(record('expired'), known);
      expect((await prune()).facts).toEqual({ deleted: ['expired'] });
      expect(await fixture.count()).toBe(1);
      expect(written()).toEqual(['unexpired.json']);
    });

    it('are not lost for good where the power went before anything was known of them', async () => {
      await create('half');
      rmSync(record('half'));
      mkdirSync(dirname(begun('half')), { recursive: true });
      const args = fixture.create('half');
      writeFileSync(begun('half'), JSON.stringify({ format: 'tidemark/snapshot-begun/v1', args }));
      expect((await fixture.step('snapshot/revert', fixture.revert('half'))).message).toMatch(/there is no snapshot/);
      expect((await prune()).facts).toEqual({ deleted: ['half'] });
      expect(await fixture.count()).toBe(0);
      expect(written()).toEqual([]);
    });

    it('leave nothing behind of what was being written about them as the power went', async () => {
      await create('unexpired', FUTURE);
      for (const known of [record('cut'), begun('cut')]) {
        mkdirSync(dirname(known), { recursive: true });
        writeFileSync(`${known}.new-89e52e1e5656`, '{"format": "tide');
      }
      await prune();
      expect(written()).toEqual(['unexpired.json']);
    });

    for (const afterMs of cuts) {
      it(`are whole or gone where they are cut off ${afterMs} ms after their beginning`, async () => {
        await create('unexpired', FUTURE);
        await fixture.cutOff('snapshot/create', fixture.create('cut', PAST), afterMs);
        await prune();
        expect(await fixture.count()).toBe(1);
        expect(written()).toEqual(['unexpired.json']);
        await create('expired', PAST);
        await fixture.cutOff('snapshot/prune', {}, afterMs);
        await prune();
        expect(await fixture.count()).toBe(1);
        expect(written()).toEqual(['unexpired.json']);
        await fixture.write('patched');
        await ok('revert', fixture.revert('unexpired'));
        expect(await fixture.read()).toBe('one');
      });
    }
  });
}
