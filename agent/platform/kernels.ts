import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';

/* Kernels that are installed side by side. Pure. */

export interface Kernel {
  /** Which kernels take each other's place: those of one flavour, of one package name. */
  line: string;
  version: string;
  /** What `uname -r` says where it runs: `6.1.0-38-cloud-amd64`, `5.14.0-427.el9_4.x86_64`. */
  release: string;
}

/**
 * The kernels that may go where so many of the newest of each line stay, the oldest first: never the one that runs. Which
 * line boots is the boot loader's to say, so that each is counted by itself.
 */
export function oldKernels<K extends Kernel>(
  all: readonly K[],
  { running, keep, compare }: { running: string; keep: number; compare: (a: string, b: string) => number },
): K[] {
  const byAge = (a: Kernel, b: Kernel) => compare(a.version, b.version);
  const lines = Map.groupBy(all, ({ line }) => line);
  return [...lines.values()]
    .flatMap(line => line.toSorted(byAge).slice(0, -keep))
    .filter(({ release }) => release !== running)
    .sort(byAge);
}

/** The newest of the running one's flavour; undefined where none is installed. Release strings sort as Debian versions do. */
export const newestLike = (running: string, releases: readonly string[]): string | undefined =>
  releases
    .filter(each => flavourOf(each) === flavourOf(running))
    .toSorted(compareDpkgVersions)
    .at(-1);

/** `cloud-amd64` of `6.1.0-38-cloud-amd64`; empty where the release has none (`5.14.0-427.el9_4.x86_64`). */
export const flavourOf = (release: string): string => /-([a-z][a-z0-9_-]*)$/.exec(release)?.[1] ?? '';
