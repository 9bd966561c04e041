import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { profileBytes, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/**
 * A digest of all that nodes are made from beside the files themselves: while it stays the same, a directory that has not
 * changed has the nodes that it had.
 */
export function basisOf(profile: ScanProfile, root: string, attributesProgram: string | null): Buffer {
  const hash = createHash('sha256');
  const add = (bytes: Uint8Array | string) => hash.update(`${bytes.length}:`).update(bytes);
  add(profileBytes(profile));
  add(root);
  add(attributesProgram ?? '');
  // Who looks: others may not read what root may.
  add(String(process.geteuid?.() ?? ''));
  for (const file of ['passwd', 'group']) for (const base of [root, '/']) add(contentOf(join(base, 'etc', file)));
  return hash.digest();
}

function contentOf(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
