/** One line of a bench's table: what was measured, and what the project wants it to be. */
export const row = (what: string, measured: string, limit: string): void =>
  console.log(`${what.padEnd(68)} ${measured.padStart(16)}   (limit ${limit})`);

export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(2)} KB`;

export const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
