import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotMethod, SnapshotTarget } from './snapshot.ts';

/** A method, and a place where it can be tried. */
export interface SnapshotFixture {
  snapshots: SnapshotMethod;
  /** Makes an empty directory that the method can keep, and gives its path. */
  makeDirectory(name: string): string;
  /** How many snapshots lie where the method keeps them, found out without it. */
  count(): number;
  close(): void;
}

/** What every method of snapshots does, whatever it keeps them with. */
export function snapshotConformance(name: string, make: () => SnapshotFixture | Promise<SnapshotFixture>): void {
  describe(`the ${name} method of snapshots`, () => {
    let fixture: SnapshotFixture;
    let shop: string;
    beforeEach(async () => {
      fixture = await make();
      shop = fixture.makeDirectory('shop');
      mkdirSync(join(shop, 'conf'));
      writeFileSync(join(shop, 'conf/main'), 'one', { mode: 0o640 });
      chmodSync(join(shop, 'conf'), 0o750);
      symlinkSync('conf/main', join(shop, 'link'));
      if (process.getuid?.() === 0) chownSync(join(shop, 'conf/main'), 1234, 4321);
    });
    afterEach(() => fixture.close());

    const target = (at = shop): SnapshotTarget => ({ path: at, at });
    const state = () => ({
      names: readdirSync(shop).sort(),
      text: readFileSync(join(shop, 'conf/main'), 'utf8'),
      mode: lstatSync(join(shop, 'conf/main')).mode & 0o7777,
      directoryMode: lstatSync(join(shop, 'conf')).mode & 0o7777,
      owner: [lstatSync(join(shop, 'conf/main')).uid, lstatSync(join(shop, 'conf/main')).gid],
      link: readlinkSync(join(shop, 'link')),
    });
    const spoil = () => {
      writeFileSync(join(shop, 'conf/main'), 'patched');
      chmodSync(join(shop, 'conf/main'), 0o777);
      chmodSync(join(shop, 'conf'), 0o700);
      rmSync(join(shop, 'link'));
      writeFileSync(join(shop, 'added'), 'new');
    };
    const only = <T>(kept: readonly T[]): T => {
      const [first] = kept;
      if (!first || kept.length > 1) throw new Error(`one is expected, there are ${kept.length}`);
      return first;
    };
    const nothingBeside = () =>
      expect(readdirSync(dirname(shop)).filter(each => /\.(revert|replaced)-/.test(each))).toEqual([]);

    it('puts contents, modes, owners and links back, and takes away what was added', async () => {
      const before = state();
      const { kept } = await fixture.snapshots.create('night', [target()]);
      spoil();
      await fixture.snapshots.revert(only(kept), target());
      expect(state()).toEqual(before);
      nothingBeside();
    });

    it('puts back what was deleted altogether', async () => {
      const before = state();
      const { kept } = await fixture.snapshots.create('night', [target()]);
      rmSync(shop, { recursive: true });
      await fixture.snapshots.revert(only(kept), target());
      expect(state()).toEqual(before);
    });

    it('puts back as often as it is asked to, also after an attempt that was cut off', async () => {
      const before = state();
      const { kept } = await fixture.snapshots.create('night', [target()]);
      spoil();
      mkdirSync(`${shop}.revert-0123456789ab/half`, { recursive: true });
      mkdirSync(`${shop}.replaced-0123456789ab/half`, { recursive: true });
      mkdirSync(`${shop}.replaced-by-hand`);
      await fixture.snapshots.revert(only(kept), target());
      spoil();
      await fixture.snapshots.revert(only(kept), target());
      expect(state()).toEqual(before);
      expect(existsSync(`${shop}.replaced-by-hand`)).toBe(true);
      rmSync(`${shop}.replaced-by-hand`, { recursive: true });
      nothingBeside();
    });

    it('takes away what was not there', async () => {
      const absent = join(dirname(shop), 'absent');
      const { kept } = await fixture.snapshots.create('night', [target(), target(absent)]);
      expect(kept.map(({ there }) => there)).toEqual([true, false]);
      mkdirSync(join(absent, 'deep'), { recursive: true });
      for (const each of kept) await fixture.snapshots.revert(each, target(each.path));
      expect(existsSync(absent)).toBe(false);
      expect(existsSync(join(shop, 'conf/main'))).toBe(true);
    });

    it('makes one anew that nobody vouched for', async () => {
      await fixture.snapshots.create('night', [target()]);
      writeFileSync(join(shop, 'conf/main'), 'two');
      const { kept } = await fixture.snapshots.create('night', [target()]);
      expect(fixture.count()).toBe(1);
      spoil();
      await fixture.snapshots.revert(only(kept), target());
      expect(state().text).toBe('two');
    });

    it('takes snapshots away, and that they are gone is no error', async () => {
      const { kept } = await fixture.snapshots.create('night', [target()]);
      const other = await fixture.snapshots.create('other', [target()]);
      expect(fixture.count()).toBe(2);
      await fixture.snapshots.remove(kept);
      await fixture.snapshots.remove(kept);
      expect(fixture.count()).toBe(1);
      spoil();
      await fixture.snapshots.revert(only(other.kept), target());
      expect(state().text).toBe('one');
    });
  });
}
