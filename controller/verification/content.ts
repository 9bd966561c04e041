import type { Buffer } from 'node:buffer';
import { digestFromBytes, sha256 } from '@tidemark/shared/base/digest.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';

/** SHA-256 of a file's content or of a link's target; null for what has neither. */
export function contentDigest(entry: Entry): Buffer | null {
  if (entry.kind === 'file') return entry.digest;
  return entry.kind === 'symlink' ? sha256(entry.target) : null;
}

/** What stands at a path, for reports: a digest where there is a content, else a word or two. */
export function contentText(entry: Entry): string {
  switch (entry.kind) {
    case 'file':
      return entry.keyed ? `keyed ${digestFromBytes(entry.digest)}` : digestFromBytes(entry.digest);
    case 'symlink':
      return `link to ${pathText(entry.target)}`;
    case 'device':
      return `${entry.type} device ${entry.number}`;
    case 'unreadable':
      return `unreadable (${entry.reason})`;
    case 'skipped':
      return `not scanned (${entry.reason})`;
    default:
      return entry.kind;
  }
}
