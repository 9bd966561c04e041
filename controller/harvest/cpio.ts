import type { Member } from './collector.ts';
import { fileTypeOf } from './file-type.ts';
import type { HarvestLimits } from './limits.ts';
import { HarvestProblem, shown } from './problem.ts';
import type { StreamReader } from './stream-reader.ts';
import type { Content } from './tar.ts';

/* cpio(5), "New ASCII Format", which rpm's payloads have. Hard links: all names but the last are without content. */

const MAGIC = '070701';
const HEADER_BYTES = 110;
const END = 'TRAILER!!!';
const FIELD = { inode: 0, mode: 1, links: 4, size: 6, deviceMajor: 7, deviceMinor: 8, nameBytes: 11 } as const;

export async function readCpio(
  reader: StreamReader,
  limits: HarvestLimits,
  take: (member: Member) => Content | null,
): Promise<void> {
  /** Names that wait for the content of their inode. */
  const waiting = new Map<string, Member[]>();
  for (;;) {
    const header = (await reader.exact(HEADER_BYTES, 'the payload')).toString('latin1');
    if (!header.startsWith(MAGIC) || !/^[0-9a-fA-F]{104}$/.test(header.slice(6)))
      throw new HarvestProblem('not-sound', 'the payload is no cpio archive of the kind that rpm has');
    const number = (field: number) => Number.parseInt(header.slice(6 + field * 8, 14 + field * 8), 16);
    const [mode, size, nameBytes] = [number(FIELD.mode), number(FIELD.size), number(FIELD.nameBytes)];
    if (nameBytes === 0 || nameBytes > limits.maxPathBytes)
      throw new HarvestProblem('bad-path', `the payload has a name of ${nameBytes} bytes`);
    const name = (await reader.exact(nameBytes, 'the payload')).toString('latin1', 0, nameBytes - 1);
    await reader.skip((4 - ((HEADER_BYTES + nameBytes) % 4)) % 4, 'the payload');
    if (name === END) break;
    const type = fileTypeOf(mode) ?? 'device';
    const member = { path: name.replace(/^\.?\//, ''), type, mode, owner: null, group: null, size, linkName: '' };
    const inode = [FIELD.deviceMajor, FIELD.deviceMinor, FIELD.inode].map(number).join(':');
    if (type === 'file' && size === 0 && number(FIELD.links) > 1) {
      waiting.set(inode, [...(waiting.get(inode) ?? []), member]);
      continue;
    }
    await content(reader, member, limits, take);
    await reader.skip((4 - (size % 4)) % 4, 'the payload');
    for (const other of waiting.get(inode) ?? []) take({ ...other, type: 'hardlink', linkName: member.path });
    waiting.delete(inode);
  }
  // Empty files with several names have no content anywhere.
  for (const member of [...waiting.values()].flat()) take(member)?.end();
}

async function content(
  reader: StreamReader,
  member: Member,
  limits: HarvestLimits,
  take: (member: Member) => Content | null,
): Promise<void> {
  if (member.type === 'symlink') {
    if (member.size > limits.maxPathBytes)
      throw new HarvestProblem('bad-path', `the link ${shown(member.path)} has a target of ${member.size} bytes`);
    take({ ...member, linkName: (await reader.exact(member.size, 'the payload')).toString('latin1') });
    return;
  }
  const sink = take(member);
  for await (const part of reader.take(member.size, 'the payload')) sink?.data(part);
  sink?.end();
}
