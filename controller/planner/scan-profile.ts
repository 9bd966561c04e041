import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { applicationProfile } from '@tidemark/shared/fingerprint/profiles.ts';
import { compareText } from './fleet-view.ts';

/** What a profile is made of. */
export interface ScannedComponent {
  product: string | null;
  home: string | null;
  perHostConfig: readonly string[];
}

/**
 * What a fingerprint of a host looks at: the homes of its products and their configuration. Null where it has no product.
 * Peers with the same components get the same profile, byte for byte, so that their fingerprints can be compared.
 */
export function scanProfileOf(components: readonly ScannedComponent[]): ScanProfile | null {
  const planes = new Map<string, 'software' | 'config'>();
  for (const { product, home } of components) {
    if (product === null || home === null) continue;
    planes.set(home, 'software');
    planes.set(`/etc/${product}`, 'config');
  }
  if (planes.size === 0) return null;
  const perHost = new Set(components.flatMap(component => component.perHostConfig));
  return applicationProfile(
    [...planes].map(([path, plane]) => ({ path, plane })).sort((a, b) => compareText(a.path, b.path)),
    [...perHost]
      .sort(compareText)
      .map(path => ({ path, how: 'free', reason: 'the landscape says that each host has its own' })),
  );
}
