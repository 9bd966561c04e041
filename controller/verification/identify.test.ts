import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifyProduct } from './identify.ts';
import { foundOf, homeOf, NEW, OLD, RELEASES, releaseOf } from './testing.ts';

const AT = { product: 'orders-db', home: '/opt/orders-db' };
const identify = (files: Record<string, string>, releases = RELEASES) => identifyProduct(AT, foundOf(files), releases);

describe('identifying what is deployed', () => {
  it('finds the version that all files are of', () => {
    expect(identify(homeOf(['1.4.1', NEW]))).toMatchObject({
      versions: ['1.4.1'],
      complete: true,
      sentence: '1.4.1, complete (5 files)',
      retained: [],
    });
  });

  it('verifies a release that is kept beside it', () => {
    const { retained, complete } = identify(homeOf(['1.4.1', NEW], ['1.4.0', { ...OLD, 'lib/same.js': 'edited' }]));
    expect(complete).toBe(true);
    expect(retained).toMatchObject([{ directory: '1.4.0', version: '1.4.0', fits: [], modified: ['lib/same.js'] }]);
  });

  it('explains a mix of two versions', () => {
    const verdict = identify(
      homeOf(['1.4.1', { ...NEW, 'bin/serve': OLD['bin/serve'], 'lib/core.js': OLD['lib/core.js'] }]),
    );
    expect(verdict).toMatchObject({
      versions: [],
      complete: false,
      sentence: '3 of 5 files of 1.4.1, 2 still 1.4.0: bin/serve, lib/core.js',
    });
  });

  it('says what a file that should have been removed is of', () => {
    const verdict = identify(homeOf(['1.4.1', { ...NEW, 'lib/old.js': OLD['lib/old.js'] }]));
    expect(verdict.complete).toBe(false);
    expect(verdict.sentence).toBe('5 of 5 files of 1.4.1, 1 of 1.4.0 that 1.4.1 does not have: lib/old.js');
  });

  it('is complete where a file is added that no release has, and says so', () => {
    const verdict = identify(homeOf(['1.4.1', { ...NEW, 'notes.txt': 'x' }]));
    expect(verdict).toMatchObject({ complete: true, deployed: { extra: ['notes.txt'] } });
    expect(verdict.sentence).toContain('and 1 file that no version has');
  });

  it('names a complete version in a directory of another name', () => {
    const verdict = identify(homeOf(['1.4.1', OLD]));
    expect(verdict).toMatchObject({ versions: ['1.4.0'], complete: true });
    expect(verdict.sentence).toBe('1.4.0, complete (5 files), in a directory called 1.4.1');
  });

  it('gives all versions that cannot be told apart', () => {
    const verdict = identify(homeOf(['1.4.1', NEW]), [...RELEASES, releaseOf('1.4.2', NEW)]);
    expect(verdict).toMatchObject({ versions: ['1.4.1', '1.4.2'], deployed: { version: '1.4.1' } });
  });

  it.each([
    ['nothing is there', {}, 'nothing of it is in /opt/orders-db'],
    [
      'current is missing',
      { 'releases/1.4.1/link': '-> lib' },
      '/opt/orders-db/current is missing: no release is in use',
    ],
    [
      'current is a file',
      { current: 'x' },
      '/opt/orders-db/current is no link to a directory in /opt/orders-db/releases',
    ],
    [
      'current leads out',
      { current: '-> ../../etc' },
      '/opt/orders-db/current is no link to a directory in /opt/orders-db/releases',
    ],
    ['current leads nowhere', { current: '-> releases/9' }, '/opt/orders-db/current points to 9, which is not there'],
  ])('says that %s', (_, files, sentence) => {
    expect(identify(files as Record<string, string>)).toMatchObject({
      deployed: null,
      complete: false,
      versions: [],
      sentence,
    });
  });

  it.each(['releases/1.4.1', './releases/1.4.1', 'releases/1.4.1/', '/opt/orders-db/releases/1.4.1'])(
    'follows current to %s',
    target => {
      const verdict = identify({ ...homeOf(['1.4.1', NEW]), current: `-> ${target}` });
      expect(verdict.deployed?.directory).toBe('1.4.1');
    },
  );

  it('says that no release of a product is known', () => {
    expect(identify(homeOf(['1.4.1', NEW]), []).sentence).toContain('import them with "tidemark signatures import"');
  });

  it('compares a link by its target', () => {
    expect(identify(homeOf(['1.4.1', { ...NEW, link: '-> elsewhere' }])).deployed?.modified).toEqual(['link']);
  });

  it('accounts for every file of every partial patch', () =>
    fc.assert(
      fc.property(
        fc.record(
          Object.fromEntries(
            [...new Set([...Object.keys(OLD), ...Object.keys(NEW)])].map(path => [
              path,
              fc.constantFrom('old', 'new', 'edited', 'missing'),
            ]),
          ),
        ),
        choice => {
          const files: Record<string, string> = {};
          for (const [path, from] of Object.entries(choice)) {
            const content = from === 'edited' ? `edited ${path}` : (from === 'old' ? OLD : NEW)[path as 'bin/serve'];
            if (from !== 'missing' && content !== undefined) files[path] = content;
          }
          const release = identify(homeOf(['1.4.1', files])).deployed;
          expect(release).not.toBeNull();
          if (!release) return;
          // Each file of the reference has one fate, and so has each file that was found.
          const { matched, foreign, missing, modified, leftover, extra, total } = release;
          expect(matched + foreign.length + missing.length + modified.length).toBe(total);
          expect(matched + foreign.length + modified.length + leftover.length + extra.length).toBe(
            Object.keys(files).length,
          );
          const edited = Object.keys(files).filter(path => files[path]?.startsWith('edited'));
          expect([...modified, ...extra].toSorted()).toEqual(edited.toSorted());
        },
      ),
      { numRuns: 500 },
    ));
});
