import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../support/mutated-trees.ts';

/** Most directories of a server have a few files; one in so many has thousands. */
const LARGE_ONE_IN = 400;
const DEEPEST = 8;

/**
 * Makes so many small files below a directory that is not there yet, in directories like those of `/usr`: a long tail of
 * sizes, nested up to eight deep. Each content is its own. Gives the path of one of the files, deep inside.
 */
export function growLargeTree(root: string, files: number): string {
  const random = seeded(1);
  mkdirSync(root);
  const directories = [{ path: root, depth: 0 }];
  let last = '';
  for (let made = 0; made < files; ) {
    const above = directories[random(directories.length)] ?? { path: root, depth: 0 };
    const directory = join(above.path, `component-${made}`);
    mkdirSync(directory);
    if (above.depth < DEEPEST) directories.push({ path: directory, depth: above.depth + 1 });
    const count = random(LARGE_ONE_IN) === 0 ? 500 + random(3_000) : 1 + random(16);
    for (let file = 0; file < count && made < files; file++, made++) {
      last = join(directory, `library-${made}.so.${random(9)}`);
      writeFileSync(last, `${made} `.repeat(1 + random(40)));
    }
  }
  return last;
}
