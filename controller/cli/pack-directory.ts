import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import { CliError, Exit } from './exit.ts';
import { plain } from './output/sanitise.ts';

/** What an image layout is known by (OCI image-spec, image-layout.md); in an archive it stands in front. */
const LAYOUT_MARK = 'oci-layout';
const FIRST = [LAYOUT_MARK, 'index.json'];

export interface PackedDirectory {
  digest: string;
  bytes: number;
  /** It is an image layout, and not files as they lie on servers. */
  isImage: boolean;
  /** The archive once more: nothing of it lies on a disk in between. */
  content(): Readable;
}

/**
 * A directory as a tar archive that is the same whenever its files are: without times and owners, in the order of names. It is
 * read twice, to know its digest before it is sent; what changes in between is refused where it arrives.
 */
export async function packDirectory(directory: string): Promise<PackedDirectory> {
  const names = await namesBelow(directory, '');
  const isImage = names.includes(LAYOUT_MARK);
  if (isImage) names.sort((a, b) => Number(FIRST.includes(b)) - Number(FIRST.includes(a)));
  const content = () => {
    const tar = pack();
    addAll(tar, directory, names).then(
      () => tar.finalize(),
      error => tar.destroy(error as Error),
    );
    // A stream of another kind (streamx), and what sends it expects Node's.
    return Readable.from(tar, { objectMode: false });
  };
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of content() as AsyncIterable<Buffer>) {
    hash.update(part);
    bytes += part.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes, isImage, content };
}

type Named = Partial<Header> & { name: string };

async function namesBelow(directory: string, below: string): Promise<string[]> {
  const entries = await readdir(join(directory, below), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (name.includes('\uFFFD'))
      throw new CliError(Exit.error, `${plain(join(directory, name))}: the name is not UTF-8`);
    names.push(name);
    if (entry.isDirectory()) names.push(...(await namesBelow(directory, name)));
  }
  return names;
}

async function addAll(tar: Pack, directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(directory, name);
    const stat = await lstat(path);
    const header: Named = {
      name,
      mode: stat.mode & 0o7777,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
      uname: '',
      gname: '',
    };
    if (stat.isFile()) await addFile(tar, header, path, stat);
    else if (stat.isDirectory()) tar.entry({ ...header, type: 'directory' });
    else if (stat.isSymbolicLink()) tar.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
    else
      throw new CliError(Exit.error, `${plain(path)} is no file, directory or link: there is nothing to learn of it`);
  }
}

async function addFile(tar: Pack, header: Named, path: string, { size }: Stats): Promise<void> {
  if (size === 0) {
    tar.entry({ ...header, size });
    return;
  }
  const file = createReadStream(path, { end: size - 1 });
  await pipeline(file, tar.entry({ ...header, size }) as unknown as NodeJS.WritableStream);
}
