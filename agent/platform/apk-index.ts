import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { resolveBelow } from './server-path.ts';

/*
 * Sizes of packages, from the lists of repositories as apk has fetched them (APKINDEX.tar.gz, apk-v2(5)): no command of
 * version 2 tells them before it downloads.
 */

export interface ApkSizes {
  downloadBytes: number;
  unpackedBytes: number;
}

const CACHES = ['/var/cache/apk', '/etc/apk/cache'];
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const BLOCK = 512;

/** By `name-version`. A list that cannot be read says nothing; `local` are repositories that are directories. */
export function readSizes(root: string, architecture: string, local: readonly string[]): Map<string, ApkSizes> {
  const files = [
    ...CACHES.flatMap(directory => indexesIn(resolveBelow(root, directory))),
    ...local.map(directory => resolveBelow(root, join(directory, architecture, 'APKINDEX.tar.gz'))),
  ];
  const sizes = new Map<string, ApkSizes>();
  for (const file of files) for (const [key, each] of parseIndex(indexText(file))) sizes.set(key, each);
  return sizes;
}

/** Pure. */
export function parseIndex(text: string): [string, ApkSizes][] {
  return text.split('\n\n').flatMap((paragraph): [string, ApkSizes][] => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const [name, version] = [field('P'), field('V')];
    if (name === '' || version === '') return [];
    return [[`${name}-${version}`, { downloadBytes: Number(field('S')) || 0, unpackedBytes: Number(field('I')) || 0 }]];
  });
}

function indexesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(name => /^APKINDEX\..*tar\.gz$/.test(name))
      .map(name => join(directory, name));
  } catch {
    return [];
  }
}

/** The file APKINDEX in the archive: several gzip streams one after the other, which together are a tar. */
function indexText(file: string): string {
  let tar: Buffer;
  try {
    tar = gunzipSync(readFileSync(file), { maxOutputLength: MAX_INDEX_BYTES });
  } catch {
    return '';
  }
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === 'APKINDEX') return tar.toString('utf8', at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return '';
}
