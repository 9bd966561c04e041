import type { FileFlag, ListedFile } from './file-list.ts';
import { fileTypeOf } from './file-type.ts';
import type { HarvestLimits } from './limits.ts';
import { checkLink, memberPath } from './paths.ts';
import { HarvestProblem, shown } from './problem.ts';
import type { RpmHeader } from './rpm-header.ts';

/** Lists of the header in which each file has its place (rpmtag.h). */
const TAG = {
  sizes: 1028,
  modes: 1030,
  digests: 1035,
  linkTargets: 1036,
  flags: 1037,
  owners: 1039,
  groups: 1040,
  verifyFlags: 1045,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
  longSizes: 5008,
  capabilities: 5010,
  digestAlgorithm: 5011,
} as const;

/** rpmfiles.h. */
const FLAGS: readonly (readonly [bit: number, flag: FileFlag])[] = [
  [1 << 0, 'config'],
  [1 << 1, 'doc'],
  [1 << 3, 'missing-ok'],
  [1 << 6, 'ghost'],
  // Licences and READMEs are left out with the documentation.
  [1 << 7, 'doc'],
  [1 << 8, 'doc'],
];
const VERIFY_DIGEST = 1 << 0;

const SHA256 = 8;

/** The files that the header names. `weak`: their digests are none of SHA-256, and are left open. */
export function rpmFiles(header: RpmHeader, limits: HarvestLimits): { listed: ListedFile[]; weak: boolean } {
  const names = header.texts(TAG.baseNames) ?? [];
  if (names.length > limits.maxMembers)
    throw new HarvestProblem('too-many', `the package has more than ${limits.maxMembers} members`);
  const column = <T>(values: T[] | null, what: string): T[] => {
    if (values?.length === names.length) return values;
    throw new HarvestProblem(
      'not-sound',
      `the header of the package has ${values?.length ?? 0} ${what} for ${names.length} files`,
    );
  };
  if (names.length === 0) return { listed: [], weak: false };
  const directories = header.texts(TAG.directoryNames) ?? [];
  const indexes = column(header.numbers(TAG.directoryIndexes), 'directories');
  const modes = column(header.numbers(TAG.modes), 'modes');
  const sizes = column(header.numbers(TAG.longSizes) ?? header.numbers(TAG.sizes), 'sizes');
  const digests = column(header.texts(TAG.digests), 'digests');
  const targets = column(header.texts(TAG.linkTargets), 'link targets');
  const flags = column(header.numbers(TAG.flags), 'flags');
  const owners = column(header.texts(TAG.owners), 'owners');
  const groups = column(header.texts(TAG.groups), 'groups');
  const verify = header.numbers(TAG.verifyFlags);
  // Not there where no file has any.
  const capabilities = header.texts(TAG.capabilities);
  const weak = (header.numbers(TAG.digestAlgorithm)?.[0] ?? 1) !== SHA256;
  const listed = names.map((name, at): ListedFile => {
    const directory = directories[indexes[at] ?? -1];
    if (directory === undefined)
      throw new HarvestProblem('not-sound', `the file ${shown(name)} lies in a directory that is not there`);
    const path = memberPath(`${directory}${name}`.replace(/^\//, ''), '/', limits);
    const mode = modes[at] ?? 0;
    const kind = fileTypeOf(mode);
    if (kind !== 'file' && kind !== 'directory' && kind !== 'symlink')
      throw new HarvestProblem('bad-kind', `the member ${shown(path)} is no file, directory or link`);
    const target = kind === 'symlink' ? (targets[at] ?? '') : null;
    if (target !== null) checkLink(path, target, '/');
    const marks = flagsOf(flags[at] ?? 0, verify?.[at]);
    return {
      path,
      kind,
      flags: marks,
      mode: kind === 'symlink' ? null : mode & 0o7777,
      owner: owners[at] || null,
      group: groups[at] || null,
      size: kind === 'file' ? (sizes[at] ?? 0) : 0,
      sha256: kind === 'file' && !weak && !marks.includes('ghost') ? checkedDigest(digests[at] ?? '', path) : null,
      target,
      ...(kind === 'file' ? { capabilities: capabilities?.[at] ?? '' } : {}),
    };
  });
  return { listed, weak };
}

function flagsOf(bits: number, verify: number | undefined): FileFlag[] {
  const marks = new Set(FLAGS.filter(([bit]) => (bits & bit) !== 0).map(([, flag]) => flag));
  if (verify !== undefined && (verify & VERIFY_DIGEST) === 0) marks.add('no-verify');
  return [...marks];
}

function checkedDigest(text: string, path: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new HarvestProblem('not-sound', `the file ${shown(path)} has ${shown(text)} for a digest`);
}
