import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Comparison, HostChange } from './changes.ts';

/**
 * Why a difference of configuration is as it should be, by what the profile says of its path; null where it is not.
 * Only peers may differ: what a host has of its own must not change with time, apart from files that grow. Pure.
 */
export function createExpectations({
  profile,
  relation,
  sameRole,
}: Pick<Comparison, 'profile' | 'relation' | 'sameRole'>): (change: HostChange) => string | null {
  const rules = profile.expect.map(rule => ({ ...rule, matches: compileGlob(rule.path) }));
  const normalised = (profile.normalise ?? []).map(rule => ({ ...rule, matches: compileGlob(rule.path) }));
  return change => {
    const rule = rules.find(({ matches }) => matches(change.path));
    if (rule && isExpectedBy(rule.how, change)) return rule.reason;
    if (relation !== 'peers' || !isSameWhenNormalised(change)) return null;
    const left = normalised.find(({ matches }) => matches(change.path))?.rules ?? [];
    return `differs only in what is each host's own (${left.join(', ')})`;
  };

  function isExpectedBy(how: ScanProfile['expect'][number]['how'], change: HostChange): boolean {
    switch (how) {
      case 'must-equal':
        return false;
      case 'must-differ':
      case 'free':
        return relation === 'peers';
      case 'per-role':
        return relation === 'peers' && !sameRole;
      case 'growing':
        return relation === 'peers' || hasGrown(change);
    }
  }
}

const hasGrown = ({ before, after }: HostChange): boolean =>
  before?.kind === 'file' && after?.kind === 'file' && after.size >= before.size;

const isSameWhenNormalised = ({ before, after }: HostChange): boolean =>
  before?.kind === 'file' &&
  after?.kind === 'file' &&
  before.normalised !== null &&
  after.normalised !== null &&
  before.normalised.equals(after.normalised);
