import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readArchive } from '@tidemark/shared/archive/read.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { HEAD_BYTES, isExecutableContent } from '@tidemark/shared/fingerprint/executable.ts';
import type { SignatureFile } from './ports.ts';

/** What an archive holds, learned without writing any of it to disk. */
export interface Harvest {
  /** SHA-256 of the archive. */
  digest: Buffer;
  bytes: number;
  unpackedBytes: number;
  files: SignatureFile[];
}

const ANY_EXECUTE_BIT = 0o111;

/** Reads the archive once, in bounded memory. Throws ArchiveProblem for one that may not be unpacked. */
export async function harvestArchive(file: string, release: { product: string; version: string }): Promise<Harvest> {
  const { size } = await stat(file);
  const files: SignatureFile[] = [];
  let unpackedBytes = 0;
  const digest = await readArchive({ bytes: createReadStream(file), size, release }, async (entry, content) => {
    const path = Buffer.from(entry.path, 'utf8');
    if (entry.kind === 'symlink') {
      const target = Buffer.from(entry.target, 'utf8');
      files.push({ path, kind: 'symlink', digest: sha256(target), size: target.length, executable: false });
    } else if (entry.kind === 'file') {
      const hash = createHash('sha256');
      let head = Buffer.alloc(0);
      for await (const chunk of content) {
        hash.update(chunk);
        if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      }
      const executable = (entry.mode & ANY_EXECUTE_BIT) !== 0 || isExecutableContent(head);
      files.push({ path, kind: 'file', digest: hash.digest(), size: entry.sizeBytes, executable });
      unpackedBytes += entry.sizeBytes;
    }
  });
  return { digest, bytes: size, unpackedBytes, files };
}
