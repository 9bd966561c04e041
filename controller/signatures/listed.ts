import { decodeFileList, type ListedFile } from '../harvest/file-list.ts';
import type { ReadPackage } from './ports.ts';

/** The files of a package. Null where the reader, which may have been taken over by what it read, gave something else. */
export function listOf({ list }: Pick<ReadPackage, 'list'>): ListedFile[] | null {
  try {
    return decodeFileList(list);
  } catch {
    return null;
  }
}
