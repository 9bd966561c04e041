import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Comparison, HostChange } from './changes.ts';
import type { Difference } from './differences.ts';

/** Why a difference is as it should be. */
export interface Excuse {
  class: 'config-expected' | 'generated';
  reason: string;
}

type How = ScanProfile['expect'][number]['how'];

/**
 * What the profile says of a path at which hosts differ; null where nothing excuses it. Only peers may differ: what a host
 * has of its own must not change with time, apart from what grows or is made anew. Programs are never excused, nor is
 * software by a rule that is about configuration. Pure.
 */
export function createExpectations({
  profile,
  relation,
  sameRole,
}: Pick<Comparison, 'profile' | 'relation' | 'sameRole'>): (change: HostChange, plane: Plane) => Excuse | null {
  const rules = profile.expect.map(rule => ({ ...rule, matches: compileGlob(rule.path) }));
  const normalised = (profile.normalise ?? []).map(rule => ({ ...rule, matches: compileGlob(rule.path) }));
  return (change, plane) => {
    if (isProgram(change)) return null;
    const rule = rules.find(({ matches }) => matches(change.path));
    if (rule?.how === 'generated') return { class: 'generated', reason: rule.reason };
    if (rule && isExpectedBy(rule.how, change, plane)) return { class: 'config-expected', reason: rule.reason };
    if (plane !== 'config' || relation !== 'peers' || !isSameWhenNormalised(change)) return null;
    const left = normalised.find(({ matches }) => matches(change.path))?.rules ?? [];
    return { class: 'config-expected', reason: `differs only in what is each host's own (${left.join(', ')})` };
  };

  function isExpectedBy(how: How, change: HostChange, plane: Plane): boolean {
    switch (how) {
      case 'must-equal':
      case 'generated':
        return false;
      case 'must-differ':
      case 'free':
        return plane === 'config' && relation === 'peers';
      case 'per-role':
        return plane === 'config' && relation === 'peers' && !sameRole;
      case 'growing':
        return relation === 'peers' || hasGrown(change);
    }
  }
}

/** Files that no release explains, where the profile says that the host makes them itself. Pure. */
export function excuseGenerated(found: readonly Difference[], profile: ScanProfile): Difference[] {
  const rules = profile.expect.flatMap(rule =>
    rule.how === 'generated' ? [{ ...rule, matches: compileGlob(rule.path) }] : [],
  );
  return found.map(difference => {
    if (difference.class !== 'unmanaged-data' && difference.class !== 'unstable') return difference;
    const rule = rules.find(({ matches }) => matches(Buffer.from(difference.path)));
    return rule ? { ...difference, class: 'generated', note: rule.reason } : difference;
  });
}

const isProgram = ({ before, after }: HostChange): boolean =>
  [before, after].some(entry => entry?.kind === 'file' && entry.executable);

const hasGrown = ({ before, after }: HostChange): boolean =>
  before?.kind === 'file' && after?.kind === 'file' && after.size >= before.size;

const isSameWhenNormalised = ({ before, after }: HostChange): boolean =>
  before?.kind === 'file' &&
  after?.kind === 'file' &&
  before.normalised !== null &&
  after.normalised !== null &&
  before.normalised.equals(after.normalised);
