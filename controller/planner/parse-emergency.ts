import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { planRule } from './parse-waves.ts';
import type { EmergencyRule, WaveRule } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';

/** What the policy makes another in an emergency. A wave that is guarded by gates cannot be left out: they are safety. */
export function parseEmergency(reader: PolicyReader, waves: readonly WaveRule[]): EmergencyRule | null {
  const { emergency } = reader.file.spec;
  if (!emergency) return null;
  const path = ['spec', 'emergency'];
  const names = waves.map(wave => wave.name);
  for (const [index, name] of (emergency.waves ?? []).entries()) {
    if (!names.includes(name))
      reader.complain([...path, 'waves', index], `there is no wave ${name}${didYouMean(name, names)}`);
  }
  for (const { name, gates } of waves) {
    if (emergency.waves !== undefined && !emergency.waves.includes(name) && gates.length > 0)
      reader.complain([...path, 'waves'], `wave ${name} cannot be left out: its gates hold in an emergency too`);
  }
  return {
    soakMs: emergency.soak,
    waves: emergency.waves ?? null,
    approvals: emergency.approvals.map((approval, index) => planRule(reader, [...path, 'approvals', index], approval)),
    place: reader.place(path),
  };
}
