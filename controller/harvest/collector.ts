import { createHash, type Hash, hash } from 'node:crypto';
import type { FileFlag, ListedFile } from './file-list.ts';
import { type HarvestLimits, mostUnpackedBytes } from './limits.ts';
import { checkLink, memberPath, mergedPath } from './paths.ts';
import { HarvestProblem, shown } from './problem.ts';
import type { Content } from './tar.ts';

export interface Member {
  path: string;
  type: string;
  mode: number | null;
  owner: string | null;
  group: string | null;
  size: number;
  linkName: string;
}

export interface CollectorOptions {
  limits: HarvestLimits;
  /** Of the whole package: what it may unpack to depends on it. */
  packedBytes: number;
  /** Where its top lies on a server: `/` for what belongs to the system. */
  at: string;
  /** The system's /bin, /sbin and /lib are links into /usr. */
  usrMerged: boolean;
  /** Shared with the archive that this one lies in: both together stay within the limits. */
  spent?: Spent;
}

/** What members have cost until now. */
export interface Spent {
  members: number;
  bytes: number;
}

const MODE_BITS = 0o7777;

/** Takes the members of a package one after the other, holds them against the limits, and knows their files at the end. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #files = new Map<string, ListedFile>();
  /** Directories that are known to have nothing but directories above them. */
  readonly #sound = new Set<string>(['']);
  readonly spent: Spent;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.spent = options.spent ?? { members: 0, bytes: 0 };
  }

  /** Null for what has no content, or whose content is not wanted. */
  take(member: Member): Content | null {
    const { limits, at } = this.#options;
    this.spent.members += 1;
    if (this.spent.members > limits.maxMembers)
      throw new HarvestProblem('too-many', `the package has more than ${limits.maxMembers} members`);
    const isDirectory = member.type === 'directory';
    const inside = memberPath(member.path, at, limits);
    const path = this.#options.usrMerged ? mergedPath(inside, isDirectory) : inside;
    if (path === at) {
      if (isDirectory) return null;
      throw new HarvestProblem('bad-path', `the member ${shown(member.path)} stands for the top and is no directory`);
    }
    this.#checkPlace(path, isDirectory);
    switch (member.type) {
      case 'directory':
        this.#files.set(path, this.#listed(member, path, { kind: 'directory' }));
        return null;
      case 'symlink':
        checkLink(path, member.linkName, at);
        this.#files.set(path, this.#listed(member, path, { kind: 'symlink', mode: null, target: member.linkName }));
        return null;
      case 'hardlink':
        this.#files.set(path, this.#linked(member, path));
        return null;
      case 'file':
        return this.#content(this.#listed(member, path, { kind: 'file', size: this.#checkedSize(member) }));
      default:
        throw new HarvestProblem(
          'bad-kind',
          `the member ${shown(member.path)} is a ${member.type}; only files, directories and links are learned`,
        );
    }
  }

  /** Adds what was learned another way: of an archive inside of a file. */
  add(file: ListedFile): void {
    if (this.#files.has(file.path)) throw duplicate(file.path);
    this.#files.set(file.path, file);
  }

  /** Marks a file, and says whether there is one of this name. */
  flag(name: string, flag: FileFlag): boolean {
    const path = this.#options.usrMerged ? mergedPath(name, false) : name;
    const file = this.#files.get(path);
    if (file && !file.flags.includes(flag)) file.flags.push(flag);
    return file !== undefined;
  }

  get files(): ListedFile[] {
    return [...this.#files.values()];
  }

  /** For layers above others: forgets a path and what is below it. */
  forget(path: string, onlyBelow: boolean): void {
    for (const key of this.#files.keys())
      if ((key === path && !onlyBelow) || key.startsWith(`${path}/`)) this.#files.delete(key);
    this.#sound.clear();
    this.#sound.add('');
  }

  has = (path: string): boolean => this.#files.has(path);

  #listed(member: Member, path: string, more: Partial<ListedFile> & Pick<ListedFile, 'kind'>): ListedFile {
    const { mode, owner, group } = member;
    return {
      path,
      flags: [],
      mode: mode === null ? null : mode & MODE_BITS,
      owner: owner === '' ? null : owner,
      group: group === '' ? null : group,
      size: 0,
      sha256: null,
      target: null,
      ...more,
    };
  }

  /** Another name for a file that came before. */
  #linked(member: Member, path: string): ListedFile {
    const { at, limits, usrMerged } = this.#options;
    const inside = memberPath(member.linkName, at, limits);
    const first = this.#files.get(usrMerged ? mergedPath(inside, false) : inside);
    if (first?.kind === 'file') return { ...first, path, flags: [] };
    throw new HarvestProblem(
      'link-out',
      `the hard link ${shown(member.path)} points to ${shown(member.linkName)}, which is no file that came before it`,
    );
  }

  #checkedSize({ path, size }: Member): number {
    const { limits, packedBytes } = this.#options;
    if (size > limits.maxFileBytes)
      throw new HarvestProblem(
        'too-large',
        `the member ${shown(path)} has ${size} bytes, more than ${limits.maxFileBytes}`,
      );
    this.spent.bytes += size;
    if (this.spent.bytes > limits.maxTotalBytes)
      throw new HarvestProblem('too-large', `the package unpacks to more than ${limits.maxTotalBytes} bytes`);
    const most = mostUnpackedBytes(limits, packedBytes);
    if (this.spent.bytes > most)
      throw new HarvestProblem(
        'ratio',
        `the package unpacks to more than ${most} bytes: ${limits.maxRatio} times its size`,
      );
    return size;
  }

  /** A path is taken once, and what is above it is a directory. */
  #checkPlace(path: string, isDirectory: boolean): void {
    const before = this.#files.get(path);
    if (before && !(isDirectory && before.kind === 'directory')) throw duplicate(path);
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const above = path.slice(0, slash);
      if (this.#sound.has(above)) break;
      const kind = this.#files.get(above)?.kind;
      if (kind !== undefined && kind !== 'directory')
        throw new HarvestProblem(
          'bad-path',
          `the member ${shown(path)} lies below ${shown(above)}, which is a ${kind}`,
        );
      this.#sound.add(above);
    }
    if (!isDirectory && this.#sound.has(path))
      throw new HarvestProblem('duplicate', `the package has ${shown(path)} as a directory and as something else`);
  }

  #content(file: ListedFile): Content {
    return new Digesting(file, () => this.#files.set(file.path, file));
  }
}

/** Most files come in one piece: those need no running hash. */
class Digesting implements Content {
  readonly #file: ListedFile;
  readonly #done: () => void;
  #first: Buffer | null = null;
  #running: Hash | null = null;
  #bytes = 0;

  constructor(file: ListedFile, done: () => void) {
    this.#file = file;
    this.#done = done;
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#running) {
      this.#running.update(chunk);
    } else if (this.#first) {
      this.#running = createHash('sha256').update(this.#first).update(chunk);
      this.#first = null;
    } else {
      this.#first = chunk;
    }
  }

  end(): void {
    if (this.#bytes !== this.#file.size)
      throw new HarvestProblem(
        'not-sound',
        `the member ${shown(this.#file.path)} has ${this.#bytes} bytes of content, announced were ${this.#file.size}`,
      );
    this.#file.sha256 = this.#running?.digest('hex') ?? hash('sha256', this.#first ?? '', 'hex');
    this.#done();
  }
}

const duplicate = (path: string) => new HarvestProblem('duplicate', `the package has ${shown(path)} twice`);
