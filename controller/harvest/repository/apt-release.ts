import { parseParagraphs } from '../control.ts';
import { HarvestProblem } from '../problem.ts';
import { type IndexedFile, indexedBytes, indexedDigest, type RepositoryTop, repositoryPath } from './records.ts';

/** Lists of binary packages; sources, translations and those of the installer are others. */
const LIST = /^(?!.*\/debian-installer\/)(.*\/)?Packages(\.(xz|gz|zst))?$/;
const WITHOUT_ARCHITECTURE = /(^|\/)binary-all\//;

/**
 * Reads a Release file (DebianRepository/Format), after its signature was checked. Throws a HarvestProblem for one that is
 * not sound, or that vouches for its lists by nothing better than SHA-1.
 */
export function readRelease(text: string): RepositoryTop {
  const [fields] = parseParagraphs(text);
  if (!fields) throw new HarvestProblem('not-sound', 'the Release file is empty');
  const sums = fields.get('sha256');
  if (sums === undefined)
    throw new HarvestProblem(
      'not-sound',
      'the Release file names no SHA-256 of its lists: weaker digests do not count',
    );
  const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(word => word !== '');
  // Then the lists of every architecture name those packages too.
  const repeated = words('no-support-for-architecture-all').includes('Packages');
  return {
    name: [fields.get('origin') ?? fields.get('label') ?? '', fields.get('codename') ?? fields.get('suite') ?? '']
      .filter(part => part !== '')
      .join(' '),
    dated: timeOf(fields.get('date'), 'Date'),
    validUntil: timeOf(fields.get('valid-until'), 'Valid-Until'),
    components: words('components'),
    architectures: words('architectures'),
    lists: sums
      .split('\n')
      .filter(line => line.trim() !== '')
      .map(fileOf)
      .filter(({ path }) => LIST.test(path) && !(repeated && WITHOUT_ARCHITECTURE.test(path))),
  };
}

function fileOf(line: string): IndexedFile {
  const [sha256, bytes, path = ''] = line.trim().split(/\s+/);
  const of = 'the Release file';
  return { path: repositoryPath(path, of), bytes: indexedBytes(bytes, of), sha256: indexedDigest(sha256, of) };
}

/** RFC 2822, as in mail, in UTC. */
function timeOf(text: string | undefined, field: string): number | null {
  if (text === undefined) return null;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new HarvestProblem('not-sound', `the Release file has a ${field} that is no time`);
  return ms;
}
