import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Collector } from './collector.ts';
import { decompressed } from './decompress.ts';
import type { ListedFile } from './file-list.ts';
import type { PackageFile } from './harvested.ts';
import { type HarvestLimits, mostUnpackedBytes } from './limits.ts';
import { HarvestProblem, shown } from './problem.ts';
import { TarReader } from './tar.ts';

/*
 * An image layout (https://github.com/opencontainers/image-spec, image-layout.md) as a tar archive: blobs by digest, an
 * index, one manifest for each platform. Every blob is hashed before it is believed.
 */

const Descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be a SHA-256 digest'),
  size: z.int().min(0),
  platform: z.object({ architecture: z.string(), os: z.string() }).optional(),
});
type Descriptor = z.infer<typeof Descriptor>;
const Index = z.object({ manifests: z.array(Descriptor).max(1_000) });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor).max(1_000) });
const Config = z.object({ architecture: z.string() });

const IS_INDEX = /\b(image\.index|manifest\.list)\b/;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

interface Place {
  position: number;
  size: number;
}

/** The files of the image as its layers make them; null where the archive is no image layout. */
export async function harvestOci(
  file: PackageFile,
  architecture: string | null,
  limits: HarvestLimits,
): Promise<{ architecture: string; files: ListedFile[] } | null> {
  const head = await file.at(0, Math.min(file.bytes, 512));
  // A layout is packed with its mark in front (by `tidemark` and by who makes OCI archives) or behind its blobs.
  if (!/^(\.\/)?(oci-layout|blobs\/?|index\.json)(\0|sha256)/.test(head.toString('latin1'))) return null;
  const places = await placesIn(file, limits);
  if (!places.has('oci-layout') || !places.has('index.json')) return null;
  const index = await json(file, place(places, 'index.json'), Index, 'index.json', limits);
  const { manifest, platform } = await chosen(file, places, index.manifests, architecture, limits);
  const config = await blob(file, places, manifest.config, Config, limits);
  const files = new Collector({ limits, packedBytes: file.bytes, at: '/', usrMerged: false });
  for (const layer of manifest.layers) await applyLayer(file, places, layer, files, limits);
  return { architecture: platform ?? config.architecture, files: files.files };
}

async function placesIn(file: PackageFile, limits: HarvestLimits): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const tar = new TarReader(({ path, type, position, size }) => {
    const name = path.replace(/^(\.\/)+/, '');
    if (type === 'directory') return null;
    if (type !== 'file')
      throw new HarvestProblem('bad-kind', `the member ${shown(path)} of the image layout is a ${type}`);
    if (places.has(name)) throw new HarvestProblem('duplicate', `the image layout has ${shown(name)} twice`);
    if (places.size >= limits.maxMembers) throw new HarvestProblem('too-many', 'the image layout has too many members');
    places.set(name, { position, size });
    return null;
  }, limits.maxHeaderBytes);
  for await (const chunk of file.read()) tar.push(Buffer.from(chunk));
  tar.end();
  return places;
}

/** The one manifest that there is, or the one for the architecture. */
async function chosen(
  file: PackageFile,
  places: Map<string, Place>,
  all: Descriptor[],
  architecture: string | null,
  limits: HarvestLimits,
) {
  let manifests = all;
  for (let depth = 0; depth < limits.maxDepth && manifests.some(each => IS_INDEX.test(each.mediaType)); depth++) {
    const next: Descriptor[] = [];
    for (const each of manifests) {
      if (IS_INDEX.test(each.mediaType)) next.push(...(await blob(file, places, each, Index, limits)).manifests);
      else next.push(each);
    }
    manifests = next;
  }
  const platforms = manifests.filter(({ platform }) => platform?.architecture !== 'unknown');
  const wanted = platforms.filter(
    each => architecture === null || !each.platform || each.platform.architecture === architecture,
  );
  const [one] = wanted;
  if (!one || wanted.length > 1) {
    const names = platforms.map(({ platform }) => platform?.architecture ?? 'unnamed').join(', ');
    throw new HarvestProblem(
      'not-sound',
      `the image layout has manifests for ${names || 'nothing'}: say which with --architecture`,
    );
  }
  return { manifest: await blob(file, places, one, Manifest, limits), platform: one.platform?.architecture ?? null };
}

/** One layer over those before it: what it takes away, and what it brings. */
async function applyLayer(
  file: PackageFile,
  places: Map<string, Place>,
  layer: Descriptor,
  files: Collector,
  limits: HarvestLimits,
): Promise<void> {
  const at = await checkedBlob(file, places, layer);
  const here = new Set<string>();
  const tar = new TarReader(member => {
    const path = `/${member.path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')}`;
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const directory = path.slice(0, slash);
    if (name === OPAQUE) {
      files.forget(directory, true);
      return null;
    }
    if (name.startsWith(WHITEOUT)) {
      files.forget(`${directory}/${name.slice(WHITEOUT.length)}`, false);
      return null;
    }
    if (here.has(path) && member.type !== 'directory')
      throw new HarvestProblem('duplicate', `a layer has ${shown(path)} twice`);
    here.add(path);
    if (member.type !== 'directory' && files.has(path)) files.forget(path, false);
    return files.take(member);
  }, limits.maxHeaderBytes);
  const most = mostUnpackedBytes(limits, file.bytes) + limits.maxMembers * 1024;
  for await (const chunk of decompressed(file.read(at.position, at.size), { what: 'a layer', most })) tar.push(chunk);
  tar.end();
}

async function checkedBlob(
  file: PackageFile,
  places: Map<string, Place>,
  { digest, size }: Descriptor,
): Promise<Place> {
  const at = place(places, `blobs/sha256/${digest.slice('sha256:'.length)}`);
  const hash = createHash('sha256');
  for await (const part of file.read(at.position, at.size)) hash.update(part);
  if (at.size !== size || `sha256:${hash.digest('hex')}` !== digest)
    throw new HarvestProblem(
      'checksum',
      `the blob ${digest.slice(7, 19)} of the image layout is not what its digest says`,
    );
  return at;
}

async function blob<T>(
  file: PackageFile,
  places: Map<string, Place>,
  descriptor: Descriptor,
  schema: z.ZodType<T>,
  limits: HarvestLimits,
): Promise<T> {
  return json(file, await checkedBlob(file, places, descriptor), schema, descriptor.digest, limits);
}

async function json<T>(
  file: PackageFile,
  { position, size }: Place,
  schema: z.ZodType<T>,
  what: string,
  limits: HarvestLimits,
): Promise<T> {
  if (size > limits.maxHeaderBytes) throw new HarvestProblem('too-large', `${what} has ${size} bytes`);
  try {
    return schema.parse(JSON.parse((await file.at(position, size)).toString('utf8')));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? `${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message}`
        : (error as Error).message;
    throw new HarvestProblem('not-sound', `${what} of the image layout is not sound: ${why}`);
  }
}

function place(places: Map<string, Place>, name: string): Place {
  const found = places.get(name);
  if (!found) throw new HarvestProblem('truncated', `the image layout lacks ${shown(name)}`);
  return found;
}
