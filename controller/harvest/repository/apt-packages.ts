import type { HarvestLimits } from '../limits.ts';
import { HarvestProblem, shown } from '../problem.ts';
import { type IndexedPackage, indexedBytes, indexedDigest, repositoryPath } from './records.ts';

/** The longest lines of Debian are dependencies of some 20 KB. */
const MAX_LINE_BYTES = 1024 * 1024;
const FIELD = /^(package|version|architecture|filename|size|sha256):[ \t]*(.*?)[ \t\r]*$/i;

/**
 * Reads a list of packages (`Packages`, deb822) as a stream and gives those whose name is wanted, or all. Throws a
 * HarvestProblem for one that is not sound or longer than anything that is.
 */
export async function readPackages(
  source: AsyncIterable<Buffer>,
  wanted: ReadonlySet<string> | null,
  limits: HarvestLimits,
): Promise<IndexedPackage[]> {
  const found: IndexedPackage[] = [];
  let fields = new Map<string, string>();
  let paragraphs = 0;
  const end = () => {
    if (fields.size === 0) return;
    paragraphs += 1;
    if (paragraphs > limits.maxMembers)
      throw new HarvestProblem('too-many', `the list names more than ${limits.maxMembers} packages`);
    const product = fields.get('package');
    if (product !== undefined && (wanted === null || wanted.has(product))) found.push(packageOf(product, fields));
    fields = new Map();
  };
  for await (const line of linesOf(source)) {
    if (line.trim() === '') end();
    else {
      const [, name, value = ''] = FIELD.exec(line) ?? [];
      if (name === undefined) continue;
      const field = name.toLowerCase();
      if (fields.has(field))
        throw new HarvestProblem('duplicate', `the list has the field ${name} twice for a package`);
      fields.set(field, value);
    }
  }
  end();
  return found;
}

function packageOf(product: string, fields: ReadonlyMap<string, string>): IndexedPackage {
  const of = `the package ${shown(product)} in the list`;
  const [version, architecture, path] = ['version', 'architecture', 'filename'].map(field => fields.get(field));
  if (!version || !architecture || path === undefined)
    throw new HarvestProblem('not-sound', `${of} lacks its version, architecture or file name`);
  return {
    product,
    version,
    architecture,
    path: repositoryPath(path, of),
    bytes: indexedBytes(fields.get('size'), of),
    sha256: indexedDigest(fields.get('sha256'), of),
  };
}

async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES)
      throw new HarvestProblem('too-large', `the list has a line of more than ${MAX_LINE_BYTES} bytes`);
    yield* lines;
  }
  yield rest;
}
