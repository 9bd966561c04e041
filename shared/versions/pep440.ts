/**
 * The order of Python's versions (packaging.python.org, "Version specifiers"; PEP 440): epoch, release without its last zeros,
 * then `.dev`, `a`, `b`, `rc`, the release itself, `.post`, and local versions after what they are built on. Negative where `a`
 * is older than `b`; null where one of them is no version of that kind.
 */
export function comparePep440(a: string, b: string): number | null {
  const [left, right] = [keyOf(a), keyOf(b)];
  if (!left || !right) return null;
  return (
    left.epoch - right.epoch ||
    compareNumbers(left.release, right.release) ||
    left.phase - right.phase ||
    compareBig(left.pre, right.pre) ||
    compareBig(left.post, right.post) ||
    compareBig(left.dev, right.dev) ||
    compareLocal(left.local, right.local)
  );
}

interface Key {
  epoch: number;
  release: bigint[];
  /** Alone `.dev`, then `a`, `b`, `rc`, and what is none of these. */
  phase: number;
  pre: bigint;
  /** -1 where it is no post release. */
  post: bigint;
  /** Beyond every number where it is no development release: it comes after those. */
  dev: bigint;
  local: readonly string[];
}

const FORM =
  /^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$/i;

const PHASES: Readonly<Record<string, number>> = {
  ...{ a: 1, alpha: 1, b: 2, beta: 2, c: 3, rc: 3, pre: 3, preview: 3 },
};
const DEV_ALONE = 0;
const FINAL = 4;
/** Longer than any number that is written in a version. */
const AFTER_ALL = 10n ** 4_000n;

function keyOf(version: string): Key | null {
  const found = version.length > 1_000 ? null : FORM.exec(version);
  if (!found) return null;
  const [, epoch, release = '', pre, preNumber, implicitPost, postWord, postNumber, dev, devNumber, local] = found;
  const isPost = implicitPost !== undefined || postWord !== undefined;
  const phase = pre ? (PHASES[pre.toLowerCase()] ?? FINAL) : dev !== undefined && !isPost ? DEV_ALONE : FINAL;
  return {
    epoch: Number(epoch ?? 0),
    release: withoutLastZeros(release.split('.').map(BigInt)),
    phase,
    pre: BigInt(preNumber || 0),
    post: isPost ? BigInt(implicitPost ?? (postNumber || 0)) : -1n,
    dev: dev === undefined ? AFTER_ALL : BigInt(devNumber || 0),
    local: local === undefined ? [] : local.toLowerCase().split(/[-_.]/),
  };
}

function withoutLastZeros(numbers: bigint[]): bigint[] {
  const last = numbers.findLastIndex(number => number !== 0n);
  return numbers.slice(0, last + 1);
}

function compareNumbers(a: readonly bigint[], b: readonly bigint[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = compareBig(a[index] ?? 0n, b[index] ?? 0n);
    if (order !== 0) return order;
  }
  return 0;
}

const compareBig = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Numbers after words; more of it is newer. */
function compareLocal(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [one, other] = [a[index], b[index]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    const [left, right] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    const order =
      left && right
        ? compareBig(BigInt(one), BigInt(other))
        : left !== right
          ? left
            ? 1
            : -1
          : one < other
            ? -1
            : one > other
              ? 1
              : 0;
    if (order !== 0) return order;
  }
  return 0;
}
