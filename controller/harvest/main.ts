import { createReadStream, read as readAt } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { z } from 'zod';
import { decodeFileList, encodeFileList } from './file-list.ts';
import { harvest, type Signed } from './harvest.ts';
import type { PackageFile } from './harvested.ts';
import { HarvestProblem } from './problem.ts';
import { type PackageFound, type PackageRequest, Request } from './request.ts';

/*
 * The process that reads packages: a request on its standard input, the package as descriptor 3, an answer on its standard
 * output. It may read nothing but its own program, and write nothing at all (see confined.ts). OpenPGP is half of that program, and
 * loaded where something is signed: most packages of a repository are not.
 */

const PACKAGE = 3;
/** Few large reads: a package is read once, from its beginning to its end. */
const PIECE_BYTES = 256 * 1024;

const readDescriptor = promisify(readAt);

const packageFile = ({ name, bytes }: { name: string; bytes: number }): PackageFile => ({
  name,
  bytes,
  read: (from = 0, length = bytes - from) =>
    length === 0
      ? nothing()
      : createReadStream('', {
          fd: PACKAGE,
          start: from,
          end: from + length - 1,
          autoClose: false,
          highWaterMark: PIECE_BYTES,
        }),
  at: async (position, length) => {
    const buffer = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await readDescriptor(PACKAGE, buffer, at, length - at, position + at);
      if (bytesRead === 0) throw new RangeError('beyond the end');
      at += bytesRead;
    }
    return buffer;
  },
});

async function* nothing(): AsyncGenerator<Buffer> {}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'key': {
      const { namedKey, publicKeys } = await import('./openpgp.ts');
      return (await publicKeys(request.armored)).map(namedKey);
    }
    case 'package':
      return readPackage(request);
    case 'release':
    case 'repomd': {
      const { readTop } = await import('./repository/read.ts');
      const signature = request.signature === null ? null : Buffer.from(request.signature, 'base64');
      return readTop(packageFile(request), { ...request, signature });
    }
    case 'packages':
    case 'primary': {
      const { readList } = await import('./repository/read.ts');
      return readList(packageFile(request), request.kind, request.wanted);
    }
  }
}

async function readPackage(request: z.infer<typeof PackageRequest>): Promise<PackageFound> {
  const { found, signed } = await harvest(packageFile(request), request.said);
  const list = encodeFileList(found.files);
  const files = decodeFileList(list);
  const { source, product, version, architecture, vendor } = found;
  return {
    source,
    product,
    version,
    architecture,
    vendor,
    list: list.toString('base64'),
    files: files.length,
    installedBytes: files.reduce((sum, { kind, size }) => sum + (kind === 'file' ? size : 0), 0),
    ...(await signerOf(signed, request.keys)),
  };
}

async function signerOf(
  signed: Signed,
  armored: readonly string[],
): Promise<Pick<PackageFound, 'signedBy' | 'signatureProblem'>> {
  if (!signed) return { signedBy: null, signatureProblem: null };
  const { publicKeys, verifyDetached } = await import('./openpgp.ts');
  const keys = (await Promise.all(armored.map(publicKeys))).flat();
  try {
    return {
      signedBy: await verifyDetached(signed.bytes, signed.signature, keys, 'the package'),
      signatureProblem: null,
    };
  } catch (error) {
    if (!(error instanceof HarvestProblem)) throw error;
    return { signedBy: null, signatureProblem: error.message };
  }
}

async function main(): Promise<void> {
  let said: unknown;
  try {
    said = { ok: true, value: await answer(Request.parse(JSON.parse(await text(process.stdin)))) };
  } catch (error) {
    if (!(error instanceof HarvestProblem)) throw error;
    said = { ok: false, code: error.code, message: error.message };
  }
  process.stdout.write(JSON.stringify(said));
}

await main();
