import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ChangeRequest, OsPackageProblem, type OsPackages, type PackageProblemCode } from './os-package.ts';

/** A server of its own with one package manager, and a repository for it. */
export interface OsPackageFixture {
  packages: OsPackages;
  /**
   * The manager's own name of a version of `demo-svc`: 1.0 and 1.1 are sound and have the configuration file
   * `/etc/demo-svc/demo.conf`, with other content each; a script of 1.2 fails after it was unpacked, and says
   * "migration failed", as long as `/etc/demo-svc/fixed` is not there.
   */
  version(of: '1.0' | '1.1' | '1.2'): string;
  /** The package's file in the repository, on this machine. */
  file(of: '1.0' | '1.1'): string;
  /** Whose upgrade needs another package's: `[name, version]`. */
  entangled: readonly [string, string];
  read(serverPath: string): string;
  write(serverPath: string, content: string): void;
  exists(serverPath: string): boolean;
  /** All files below a directory. */
  list(serverPath: string): string[];
  removeFile(serverPath: string): void;
  /** Has the manager's lock until it is called again. */
  lock(): Promise<() => Promise<void>>;
  /** Where the manager keeps the configuration that it did not use, or does not use any more. */
  beside(conffile: string, how: 'kept' | 'replaced'): string;
  /**
   * Keeps demo-svc at 1.0 by what the owner of a server writes down beside holds, and gives how a message names that. Null
   * where there are only holds.
   */
  pin: (() => RegExp) | null;
  unpin(): void;
  /** Has the manager itself download demo-svc 1.1, which is not installed, to where it keeps such things. */
  downloadByHand(): Promise<void>;
  /**
   * Installs four kernels of growing versions, and as the oldest of all the one that this machine runs. Gives their names
   * with versions, in that order. Null where the manager keeps one kernel only.
   */
  installKernels: (() => Promise<[running: string, ...newer: string[]]>) | null;
  close(): Promise<void>;
}

const isDemoFile = (path: string): boolean => /demo-svc.*\.(deb|rpm|apk|pkg\.tar\.\w+)$/.test(path);
const CONF = '/etc/demo-svc/demo.conf';

/** What every package manager does, whatever its packages are. One server for all: each test begins at version 1.0. */
export function osPackageConformance(name: string, make: () => Promise<OsPackageFixture>): void {
  describe(`the packages of ${name}`, () => {
    let fixture: OsPackageFixture;
    beforeAll(async () => {
      fixture = await make();
      await fixture.packages.refresh({ lockWaitMs: 10_000 });
    });
    afterAll(() => fixture?.close());
    beforeEach(async () => {
      await fixture.packages.remove({ names: ['demo-svc'], others: 'refuse', lockWaitMs: 10_000 });
      for (const path of [
        CONF,
        '/etc/demo-svc/fixed',
        ...(['kept', 'replaced'] as const).map(how => fixture.beside(CONF, how)),
      ])
        fixture.removeFile(path);
      await fixture.packages.change({ ...wish('1.0'), mode: 'install' });
    });

    const exact = (of: '1.0' | '1.1' | '1.2', part: Partial<ExactPackage> = {}): ExactPackage => ({
      name: 'demo-svc',
      version: fixture.version(of),
      architecture: null,
      sha256: null,
      ...part,
    });
    const wish = (of: '1.0' | '1.1' | '1.2', part: Partial<ChangeRequest> = {}): ChangeRequest => ({
      packages: [exact(of)],
      conffiles: 'keep',
      others: 'refuse',
      lockWaitMs: 10_000,
      mode: 'upgrade',
      ...part,
    });
    const digest = (of: '1.0' | '1.1') =>
      `sha256:${createHash('sha256')
        .update(readFileSync(fixture.file(of)))
        .digest('hex')}` as const;
    const state = async () => {
      const found = (await fixture.packages.installed()).find(each => each.name === 'demo-svc');
      return found && { version: found.version, state: found.state, held: found.held };
    };
    const sound = (of: '1.0' | '1.1' | '1.2', held = false) => ({
      version: fixture.version(of),
      state: 'installed',
      held,
    });

    /** Fails for this reason with these words, and changes nothing. */
    async function refuses(work: () => Promise<unknown>, code: PackageProblemCode, words: RegExp): Promise<void> {
      const before = await state();
      const problem = await work().then(
        () => null,
        (error: unknown) => error,
      );
      expect(problem).toBeInstanceOf(OsPackageProblem);
      expect({ code: (problem as OsPackageProblem).code, message: (problem as Error).message }).toEqual({
        code,
        message: expect.stringMatching(words),
      });
      expect(await state()).toEqual(before);
    }

    it('are upgraded to the exact version, and not a second time', async () => {
      const done = await fixture.packages.change(wish('1.1', { packages: [exact('1.1', { sha256: digest('1.1') })] }));
      expect(done).toMatchObject({
        changes: [{ name: 'demo-svc', from: fixture.version('1.0'), to: fixture.version('1.1') }],
        others: [],
        unchanged: [],
      });
      expect(await state()).toEqual(sound('1.1'));
      expect(await fixture.packages.change(wish('1.1'))).toMatchObject({ changes: [], unchanged: ['demo-svc'] });
    });

    it('go back to an older version', async () => {
      await fixture.packages.change(wish('1.1'));
      expect((await fixture.packages.change(wish('1.0'))).changes).toHaveLength(1);
      expect(await state()).toEqual(sound('1.0'));
    });

    it('are not there after a removal, and a second one does nothing', async () => {
      const request = { names: ['demo-svc'], others: 'refuse' as const, lockWaitMs: 10_000 };
      expect(await fixture.packages.remove(request)).toEqual([
        { name: 'demo-svc', from: fixture.version('1.0'), to: null },
      ]);
      expect(await state()).toBeUndefined();
      expect(await fixture.packages.remove(request)).toEqual([]);
    });

    it('are no upgrade where they are not installed', async () => {
      await fixture.packages.remove({ names: ['demo-svc'], others: 'refuse', lockWaitMs: 10_000 });
      await refuses(() => fixture.packages.change(wish('1.1')), 'not-installed', /demo-svc.*not installed/);
    });

    it('that no repository has are refused', () =>
      refuses(
        () => fixture.packages.change(wish('1.1', { packages: [exact('1.1', { version: '9.9-9' })] })),
        'unavailable',
        /demo-svc 9\.9-9/,
      ));

    it('that are not what their digest says are refused', () =>
      refuses(
        () => fixture.packages.change(wish('1.1', { packages: [exact('1.1', { sha256: digest('1.0') })] })),
        'wrong-digest',
        /demo-svc.*is not the package that was approved/,
      ));

    it('that would change others are refused, and the others named', async () => {
      const [entangled, version] = fixture.entangled;
      const packages = [{ name: entangled, version, architecture: null, sha256: null }];
      await refuses(() => fixture.packages.change(wish('1.1', { packages })), 'others', / -> /);
      const need = await fixture.packages.need({ packages, others: 'allow', mode: 'upgrade' });
      expect(need.changes.length).toBeGreaterThan(1);
    });

    it('that are held stay', async () => {
      expect(await fixture.packages.hold(['demo-svc'])).toEqual(['demo-svc']);
      expect(await fixture.packages.hold(['demo-svc'])).toEqual([]);
      expect(await state()).toEqual(sound('1.0', true));
      await refuses(() => fixture.packages.change(wish('1.1')), 'held', /demo-svc is held/);
      expect(await fixture.packages.unhold(['demo-svc'])).toEqual(['demo-svc']);
      expect(await fixture.packages.unhold(['demo-svc'])).toEqual([]);
      await fixture.packages.change(wish('1.1'));
      expect(await state()).toEqual(sound('1.1'));
    });

    it('that are pinned do not go past their pin, and it is named', async () => {
      const pin = fixture.pin?.();
      if (!pin) return expect(fixture.pin).toBeNull();
      try {
        await refuses(() => fixture.packages.change(wish('1.1')), 'held', pin);
        await refuses(() => fixture.packages.need(wish('1.1')).then(() => undefined), 'held', pin);
        expect((await fixture.packages.change(wish('1.0'))).unchanged).toEqual(['demo-svc']);
      } finally {
        fixture.unpin();
      }
      await fixture.packages.change(wish('1.1'));
      expect(await state()).toEqual(sound('1.1'));
    });

    it('are fetched and checked without being installed, with the way back', async () => {
      const request = { packages: [exact('1.1')], others: 'refuse' as const, mode: 'upgrade' as const };
      const done = await fixture.packages.download({ ...request, back: [exact('1.0')], lockWaitMs: 10_000 });
      expect(done).toMatchObject({ changes: [{ to: fixture.version('1.1') }], noWayBack: [] });
      expect(await state()).toEqual(sound('1.0'));
      expect((await fixture.packages.need(request)).downloadBytes).toBe(0);
    });

    it('keep configuration that was changed here, and say where the new one lies', async () => {
      fixture.write(CONF, 'mine\n');
      const done = await fixture.packages.change(wish('1.1'));
      const other = fixture.beside(CONF, 'kept');
      expect(done.conffiles).toEqual([{ path: CONF, kept: true, other }]);
      expect(fixture.read(CONF)).toBe('mine\n');
      expect(fixture.read(other)).toContain('1.1');
    });

    it('replace configuration that was changed here where they are told to, and keep it beside', async () => {
      fixture.write(CONF, 'mine\n');
      const done = await fixture.packages.change(wish('1.1', { conffiles: 'replace' }));
      const other = fixture.beside(CONF, 'replaced');
      expect(done.conffiles).toEqual([{ path: CONF, kept: false, other }]);
      expect(fixture.read(CONF)).toContain('1.1');
      expect(fixture.read(other)).toBe('mine\n');
    });

    it('say which script of which package failed, can go back, and can be repaired', async () => {
      const failure = await fixture.packages.change(wish('1.2')).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: 'script-failed',
        message: expect.stringMatching(/demo-svc.*migration failed/s),
      });
      expect(await fixture.packages.pending()).toMatchObject({ broken: [{ name: 'demo-svc' }] });
      await expect(fixture.packages.repair({ lockWaitMs: 10_000 })).rejects.toThrow(/migration failed/);
      await fixture.packages.change(wish('1.1'));
      expect(await state()).toEqual(sound('1.1'));
      await fixture.packages.change(wish('1.2')).catch(() => undefined);
      fixture.write('/etc/demo-svc/fixed', '');
      expect(await fixture.packages.repair({ lockWaitMs: 10_000 })).toEqual(['demo-svc']);
      expect(await state()).toEqual(sound('1.2'));
      expect(await fixture.packages.pending()).toEqual({ interrupted: false, broken: [], lockedBy: null });
    });

    it('wait for another manager, and name it where it takes too long', async () => {
      const unlock = await fixture.lock();
      try {
        expect((await fixture.packages.pending()).lockedBy).not.toBeNull();
        await refuses(
          () => fixture.packages.change(wish('1.1', { lockWaitMs: 0 })),
          'locked',
          /\(process \d+\) works with the packages/,
        );
        const waiting = fixture.packages.change(wish('1.1'));
        await new Promise(resolve => setTimeout(resolve, 700));
        await unlock();
        expect((await waiting).changes).toHaveLength(1);
      } finally {
        await unlock();
      }
    });

    it('that were downloaded and are in nobody’s use give their space back, and the lists stay', async () => {
      await fixture.downloadByHand();
      const { cleaning } = fixture.packages;
      const kept = () => (cleaning?.caches ?? []).flatMap(path => fixture.list(path)).filter(isDemoFile);
      expect(kept()).toHaveLength(1);
      await cleaning?.clearCache({ lockWaitMs: 10_000 });
      expect(kept()).toEqual([]);
      expect((await fixture.packages.change(wish('1.1'))).changes).toHaveLength(1);
    });

    it('that are old kernels go, but neither the newest nor the one that runs', async () => {
      const wait = { lockWaitMs: 10_000 };
      const remove = async (keep: number) =>
        ((await fixture.packages.cleaning?.removeOldKernels(keep, wait)) ?? []).map(
          ({ name, from }) => `${name} ${from}`,
        );
      const kernels = await fixture.installKernels?.();
      if (!kernels) return expect(await remove(2)).toEqual([]);
      const left = async () => {
        const all = (await fixture.packages.installed()).map(({ name, version }) => `${name} ${version}`);
        return kernels.filter(each => all.includes(each));
      };
      const [running, first = '', second = '', third = '', fourth = ''] = kernels;
      expect(await remove(5)).toEqual([]);
      expect(await left()).toEqual(kernels);
      expect(await remove(3)).toEqual([first]);
      expect(await remove(2)).toEqual([second]);
      expect(await remove(2)).toEqual([]);
      expect(await left()).toEqual([running, third, fourth]);
    });

    it('say what a change of them would fetch and remove, what was changed of them, and what is theirs', async () => {
      const { packages } = fixture;
      const need = await packages.need(wish('1.1'));
      expect([...need.sizes.keys()]).toEqual(['demo-svc']);
      expect(need.sizes.get('demo-svc')?.downloadBytes).toBeGreaterThan(500);
      const gone = { name: 'demo-svc', from: fixture.version('1.0'), to: null };
      expect(await packages.removal(['demo-svc', 'not-there'])).toEqual([gone]);
      // dpkg remembers that somebody took it away: then that is what was changed.
      expect(await packages.changedConffiles(['demo-svc'])).toEqual(fixture.exists(CONF) ? [] : [CONF]);
      fixture.write(CONF, 'mine\n');
      expect(await packages.changedConffiles(['demo-svc'])).toEqual([CONF]);
      expect(await packages.filesOf(['demo-svc'])).toEqual(expect.arrayContaining(['/usr/bin/demo-svc', CONF]));
      expect(await state()).toEqual(sound('1.0'));
    });

    it('of which nothing is wrong need no repair', async () => {
      expect(await fixture.packages.repair({ lockWaitMs: 10_000 })).toEqual([]);
    });
  });
}
