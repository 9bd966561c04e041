/**
 * Base score of CVSS 3.0 and 3.1 (first.org, "Common Vulnerability Scoring System v3.1: Specification Document", section 7.1),
 * 0 to 10; null for any other text. Version 4 has no formula but tables of 270 entries: its publishers' word counts.
 */
export function cvss3Score(vector: string): number | null {
  if (!/^CVSS:3\.[01]\//.test(vector)) return null;
  const metrics = new Map(vector.split('/').map(part => part.split(':') as [string, string]));
  const isChanged = metrics.get('S') === 'C';
  if (!isChanged && metrics.get('S') !== 'U') return null;
  const of = (metric: string, weights: Readonly<Record<string, number>>): number =>
    weights[metrics.get(metric) ?? ''] ?? Number.NaN;
  const impactBase = 1 - (1 - of('C', IMPACT)) * (1 - of('I', IMPACT)) * (1 - of('A', IMPACT));
  const impact = isChanged ? 7.52 * (impactBase - 0.029) - 3.25 * (impactBase - 0.02) ** 15 : 6.42 * impactBase;
  const exploitability =
    8.22 *
    of('AV', VECTOR) *
    of('AC', COMPLEXITY) *
    of('PR', isChanged ? PRIVILEGES_CHANGED : PRIVILEGES) *
    of('UI', INTERACTION);
  const sum = isChanged ? 1.08 * (impact + exploitability) : impact + exploitability;
  if (Number.isNaN(sum)) return null;
  return impact <= 0 ? 0 : roundUp(Math.min(sum, 10));
}

const IMPACT = { H: 0.56, L: 0.22, N: 0 };
const VECTOR = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 };
const COMPLEXITY = { L: 0.77, H: 0.44 };
const PRIVILEGES = { N: 0.85, L: 0.62, H: 0.27 };
const PRIVILEGES_CHANGED = { N: 0.85, L: 0.68, H: 0.5 };
const INTERACTION = { N: 0.85, R: 0.62 };

/** To one decimal, upwards, as the specification's appendix A does it. */
function roundUp(value: number): number {
  const whole = Math.round(value * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}
