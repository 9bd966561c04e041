import { HarvestProblem, shown } from '../problem.ts';
import { type IndexedFile, indexedBytes, indexedDigest, type RepositoryTop, repositoryPath } from './records.ts';
import { readXml } from './xml.ts';

/**
 * Reads `repomd.xml`. Its age is that of its youngest part: a revision may be any text. Throws a HarvestProblem for one that
 * is not sound or names no list of packages by SHA-256.
 */
export async function readRepomd(source: AsyncIterable<Buffer>): Promise<RepositoryTop> {
  const what = 'repomd.xml';
  let type = '';
  let fields = new Map<string, string>();
  let primary: IndexedFile | null = null;
  let newest: number | null = null;
  await readXml(source, what, {
    open: (path, attributes) => {
      if (path.length === 2 && path[1] === 'data') {
        type = attributes['type'] ?? '';
        fields = new Map();
      }
      if (path.join('/') === 'repomd/data/location') {
        if (attributes['xml:base'] !== undefined) throw elsewhere(what);
        fields.set('path', attributes['href'] ?? '');
      }
      if (path.join('/') === 'repomd/data/checksum') fields.set('algorithm', attributes['type'] ?? '');
    },
    close: (path, text) => {
      if (path[1] !== 'data') return;
      const field = path[2];
      if (field !== undefined) fields.set(field, text);
      else {
        const seconds = Number.parseFloat(fields.get('timestamp') ?? '');
        if (seconds > 0) newest = Math.max(newest ?? 0, Math.floor(seconds) * 1000);
        if (type === 'primary') primary = listOf(fields);
      }
    },
  });
  if (!primary) throw new HarvestProblem('not-sound', 'repomd.xml names no list of packages (primary)');
  return { name: '', dated: newest, validUntil: null, components: [], architectures: [], lists: [primary] };
}

function listOf(fields: ReadonlyMap<string, string>): IndexedFile {
  const of = 'repomd.xml';
  const algorithm = fields.get('algorithm') ?? '';
  if (algorithm !== 'sha256')
    throw new HarvestProblem('not-sound', `repomd.xml names its list by ${shown(algorithm)}: only sha256 counts`);
  return {
    path: repositoryPath(fields.get('path') ?? '', of),
    bytes: indexedBytes(fields.get('size'), of),
    sha256: indexedDigest(fields.get('checksum'), of),
  };
}

/** `xml:base` puts a file on another server. */
export const elsewhere = (of: string) =>
  new HarvestProblem('bad-path', `${of} names a file in another place (xml:base), which is not followed`);
