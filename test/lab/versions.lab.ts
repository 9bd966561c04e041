import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { comparePacmanVersions } from '@tidemark/shared/versions/pacman.ts';
import { compareRpmVersions } from '@tidemark/shared/versions/rpm.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ensureBase } from './base.ts';
import { runOk } from './command.ts';
import { ensureFamily, type Family } from './families.ts';
import { cloneTree } from './package-tree.ts';

/* The orders of versions against the tools' own: whatever two versions are, we say what they say. */

const PAIRS = 400;
const SEED = 20_261_121;

/** Versions that are near each other: most pairs differ in a single place. */
function pairs(characters: string): [string, string][] {
  const part = fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 5 });
  const version = fc
    .tuple(
      fc.constantFrom('', '0:', '1:'),
      fc.constantFrom('1', '1.0', '10', '1a'),
      part,
      fc.constantFrom('', '-1', '-1.2', '-10'),
    )
    .map(texts => texts.join(''));
  return fc.sample(fc.tuple(version, version), { numRuns: PAIRS, seed: SEED });
}

/** Each pair's order by a shell script that is run where the tool is; it gives -1, 0 or 1 a line. */
async function said(family: Family, all: readonly [string, string][], script: string): Promise<number[]> {
  const { tree: lower } = await ensureFamily(await ensureBase(), family);
  const tree = await cloneTree(lower);
  try {
    const text = all.map(([a, b]) => `${a} ${b}\n`).join('');
    const answers = await runOk(['chroot', tree.root, 'sh', '-ec', script], { input: text });
    return answers.trim().split('\n').map(Number);
  } finally {
    await tree.close();
  }
}

const DPKG = `while read -r a b; do
  if dpkg --compare-versions "$a" lt "$b"; then echo -1
  elif dpkg --compare-versions "$a" gt "$b"; then echo 1
  else echo 0; fi
done`;
const VERCMP = 'while read -r a b; do vercmp "$a" "$b"; done';
const RPM = `while read -r a b; do printf '%%{lua: print(rpm.vercmp("%s", "%s"))}\\n' "$a" "$b"; done | while read -r line; do rpm --eval "$line"; done`;

describe('versions are ordered as by', () => {
  it.each<[string, Family, string, string, (a: string, b: string) => number]>([
    ['dpkg', 'apt', '01a~+.', DPKG, compareDpkgVersions],
    ['rpm', 'rpm', '01a~^._', RPM, compareRpmVersions],
    ['pacman', 'pacman', '01a._+', VERCMP, comparePacmanVersions],
  ])('%s', async (_, family, characters, script, compare) => {
    const all = pairs(characters);
    const theirs = await said(family, all, script);
    expect(theirs).toHaveLength(PAIRS);
    const different = all
      .map(([a, b], index) => ({ a, b, ours: Math.sign(compare(a, b)), theirs: theirs[index] }))
      .filter(each => each.ours !== each.theirs);
    expect(different).toEqual([]);
  });
});
