/** How long a job takes: half of the time at most `p50`, nine times of ten at most `p90`. Milliseconds. */
export interface Duration {
  p50: number;
  p90: number;
}

/** Standard normal at 0.9. */
const Z90 = 1.2815515655446004;

/** Draws one duration; `normal` is a standard normal number. */
export function draw({ p50, p90 }: Duration, normal: number): number {
  if (p50 <= 0) return 0;
  const spread = Math.log(Math.max(p90, p50) / p50) / Z90;
  return p50 * Math.exp(spread * normal);
}

/** Standard normal numbers from a seed: sfc32 and Box-Muller. */
export function normals(seed: number): () => number {
  let [a, b, c, d] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 1];
  const unit = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warm = 0; warm < 12; warm++) unit();
  return () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
}
