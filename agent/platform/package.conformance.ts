import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PackageProblem, type PackageProvider, type ReleaseSource } from './package.ts';

/** Two versions of one product, as the provider's kind of package, and a server without either. */
export interface PackageFixture {
  provider: PackageProvider;
  home: string;
  /** Version `1.0` holds `bin/run` ("run 1.0") and `old`; `1.1` holds `bin/run` ("run 1.1") and `new`. */
  source(version: '1.0' | '1.1'): ReleaseSource;
  /** The same with the end cut off and the digest of what is left: damaged where it was made. */
  truncated(version: '1.0' | '1.1'): ReleaseSource;
  /** Where a file of the version in use lies. */
  inUse(path: string): string;
  close(): Promise<void>;
}

/** What every package provider does, whatever its packages are. */
export function packageProviderConformance(name: string, make: () => Promise<PackageFixture>): void {
  describe(`the ${name} package provider`, () => {
    let fixture: PackageFixture;
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(() => fixture.close());

    const read = (path: string) => readFileSync(fixture.inUse(path), 'utf8');
    /** All names below the home, to see that nothing was left and nothing changed. */
    const everything = () =>
      existsSync(fixture.home) ? readdirSync(fixture.home, { recursive: true, encoding: 'utf8' }).sort() : [];

    it('brings a version onto the server and takes it into use', async () => {
      expect(await fixture.provider.installed(fixture.home)).toEqual({ version: null, available: [] });
      const done = await fixture.provider.install(fixture.source('1.0'));
      expect(done).toMatchObject({ from: null, how: 'installed', files: 2 });
      expect(read('bin/run')).toBe('run 1.0');
      expect(await fixture.provider.installed(fixture.home)).toEqual({ version: '1.0', available: ['1.0'] });
    });

    it('replaces a version by the next, and takes the one before into use again', async () => {
      await fixture.provider.install(fixture.source('1.0'));
      expect(await fixture.provider.install(fixture.source('1.1'))).toMatchObject({ from: '1.0', how: 'installed' });
      expect(read('bin/run')).toBe('run 1.1');
      expect(existsSync(fixture.inUse('old'))).toBe(false);
      const back = { product: fixture.source('1.0').product, version: '1.0', home: fixture.home };
      expect(await fixture.provider.activate(back)).toEqual({ from: '1.1', changed: true });
      expect(await fixture.provider.activate(back)).toEqual({ from: '1.0', changed: false });
      expect(read('bin/run')).toBe('run 1.0');
    });

    it('verifies a version that is there and whole', async () => {
      await fixture.provider.install(fixture.source('1.0'));
      const before = everything();
      expect(await fixture.provider.install(fixture.source('1.0'))).toMatchObject({
        from: '1.0',
        how: 'verified',
        files: 2,
      });
      expect(everything()).toEqual(before);
    });

    it.each([
      ['changed', (file: string) => writeFileSync(file, 'run 6.6')],
      ['removed', (file: string) => rmSync(file)],
    ])('replaces a version of which a file was %s', async (_how, damage) => {
      await fixture.provider.install(fixture.source('1.0'));
      const before = everything();
      damage(fixture.inUse('bin/run'));
      expect(await fixture.provider.install(fixture.source('1.0'))).toMatchObject({ how: 'repaired' });
      expect(read('bin/run')).toBe('run 1.0');
      expect(everything()).toEqual(before);
    });

    it.each([
      ['that is truncated', () => fixture.truncated('1.1'), /truncated/],
      ['with another digest', () => ({ ...fixture.source('1.1'), sha256: new Uint8Array(32) }), /digest/],
      ['that is not there', () => ({ ...fixture.source('1.1'), file: '/nowhere' }), /stage it/],
    ])('refuses a package %s, and leaves all as it was', async (_what, source, words) => {
      await fixture.provider.install(fixture.source('1.0'));
      const before = everything();
      const problem = await fixture.provider.install(source()).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(PackageProblem);
      expect((problem as Error).message).toMatch(words);
      expect(everything()).toEqual(before);
      expect(read('bin/run')).toBe('run 1.0');
    });

    it('does not take a version into use that is not there', async () => {
      await fixture.provider.install(fixture.source('1.0'));
      const absent = { product: fixture.source('1.0').product, version: '1.1', home: fixture.home };
      await expect(fixture.provider.activate(absent)).rejects.toThrow(/install it first/);
      expect(read('bin/run')).toBe('run 1.0');
    });

    it('goes on after an installation that was cut off', async () => {
      await fixture.provider.install(fixture.source('1.0'));
      const before = everything();
      const { version, home } = fixture.source('1.0');
      writeFileSync(join(home, 'releases', `.${version}.partial-000000000000`), 'cut off');
      await fixture.provider.install(fixture.source('1.0'));
      expect(everything()).toEqual(before);
    });
  });
}
