import type { HarvestLimits } from '../limits.ts';
import { HarvestProblem, shown } from '../problem.ts';
import { type IndexedPackage, indexedBytes, indexedDigest, repositoryPath } from './records.ts';
import { elsewhere } from './rpm-repomd.ts';
import { readXml } from './xml.ts';

/**
 * Reads `primary.xml` as a stream and gives the packages whose name is wanted, or all. Throws a HarvestProblem for one that
 * is not sound.
 */
export async function readPrimary(
  source: AsyncIterable<Buffer>,
  wanted: ReadonlySet<string> | null,
  limits: HarvestLimits,
): Promise<IndexedPackage[]> {
  const found: IndexedPackage[] = [];
  let fields = new Map<string, string>();
  let packages = 0;
  await readXml(source, 'primary.xml', {
    open: (path, attributes) => {
      if (path[1] !== 'package') return;
      if (path.length === 2) {
        packages += 1;
        if (packages > limits.maxMembers)
          throw new HarvestProblem('too-many', `primary.xml names more than ${limits.maxMembers} packages`);
        fields = new Map([['type', attributes['type'] ?? '']]);
      }
      if (path.length !== 3) return;
      // Element and attribute; what is said in text comes when the element ends.
      for (const [name, value] of Object.entries(attributes)) fields.set(`${path[2]} ${name}`, value);
    },
    close: (path, text) => {
      if (path[1] !== 'package') return;
      if (path.length === 3) fields.set(path[2] ?? '', text);
      const product = fields.get('name');
      if (path.length !== 2 || product === undefined || fields.get('type') !== 'rpm') return;
      if (wanted === null || wanted.has(product)) found.push(packageOf(product, fields));
    },
  });
  return found;
}

function packageOf(product: string, fields: ReadonlyMap<string, string>): IndexedPackage {
  const of = `the package ${shown(product)} in primary.xml`;
  const [version, release, architecture] = ['version ver', 'version rel', 'arch'].map(field => fields.get(field));
  if (!version || !release || !architecture)
    throw new HarvestProblem('not-sound', `${of} lacks its version, release or architecture`);
  const algorithm = fields.get('checksum type') ?? '';
  if (algorithm !== 'sha256')
    throw new HarvestProblem('not-sound', `${of} is named by ${shown(algorithm)}: only sha256 counts`);
  if (fields.has('location xml:base')) throw elsewhere(of);
  const epoch = fields.get('version epoch') ?? '0';
  return {
    product,
    version: `${/^0*$/.test(epoch) ? '' : `${epoch}:`}${version}-${release}`,
    architecture,
    path: repositoryPath(fields.get('location href') ?? '', of),
    bytes: indexedBytes(fields.get('size package'), of),
    sha256: indexedDigest(fields.get('checksum'), of),
  };
}
