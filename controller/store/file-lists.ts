import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { eq, sql } from 'drizzle-orm';
import { decodeFileList, type ListedFile } from '../harvest/file-list.ts';
import { contentOwners, fileLists, pathOwners } from './schema.ts';
import type { Tx } from './store.ts';

/* Lists of files, each kept once by its content; and what leads from a content or a path to the lists that have it. */

/** Gives its id. */
export async function addList(
  tx: Tx,
  list: Buffer,
  files: readonly ListedFile[],
  installedBytes: number,
): Promise<number> {
  const digest = sha256(list);
  const values = { digest, files: files.length, installedBytes, data: zstdCompressSync(list) };
  const [added] = await tx.insert(fileLists).values(values).onConflictDoNothing().returning({ id: fileLists.id });
  if (!added) {
    // Held, so that it is not cleared away before somebody refers to it.
    const held = tx.select({ id: fileLists.id }).from(fileLists).where(eq(fileLists.digest, digest)).for('key share');
    const [known] = await held;
    // Cleared away just now: then it is new after all.
    return known?.id ?? addList(tx, list, files, installedBytes);
  }
  const contents = files.flatMap(({ sha256, size }) =>
    sha256 === null || size === 0 ? [] : [keyOfDigest(Buffer.from(sha256, 'hex'))],
  );
  const paths = files.flatMap(({ path, kind }) => (kind === 'directory' ? [] : [keyOfPath(path)]));
  for (const [table, keys] of [
    [contentOwners, contents],
    [pathOwners, paths],
  ] as const) {
    const text = JSON.stringify([...new Set(keys)].map(String));
    await tx.execute(sql`
      insert into ${table} (key, list) select key::bigint, ${added.id} from json_array_elements_text(${text}::json) as each(key)`);
  }
  return added.id;
}

/** Eight bytes are enough to find a few lists; whether the file is in them, they say themselves. */
export const keyOfDigest = (digest: Buffer): bigint => digest.readBigInt64BE(0);
export const keyOfPath = (path: string): bigint => keyOfDigest(sha256(Buffer.from(path, 'latin1')));

export const decoded = (data: Buffer): ListedFile[] => decodeFileList(zstdDecompressSync(data));
