/**
 * The order of versions of Windows and of what runs on it: builds (`10.0.20348.2700`), files and MSI packages
 * (`ProductVersion`, of which Windows Installer compares the first three fields only: learn.microsoft.com, "ProductVersion
 * property"). Fields are numbers; one that is not there is zero; what follows a field that is no number is left out of
 * account. Negative where `a` is older than `b`.
 */
export function compareWindowsVersions(a: string, b: string): number {
  const [left, right] = [fields(a), fields(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = compare(left[index] ?? 0n, right[index] ?? 0n);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether Windows Installer takes it for an upgrade. */
export const compareMsiVersions = (a: string, b: string): number =>
  compareWindowsVersions(firstThree(a), firstThree(b));

const firstThree = (version: string): string => version.split('.').slice(0, 3).join('.');

function fields(version: string): bigint[] {
  const numbers: bigint[] = [];
  for (const field of version.trim().split('.')) {
    if (!/^\d+$/.test(field)) break;
    numbers.push(BigInt(field));
  }
  return numbers;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
