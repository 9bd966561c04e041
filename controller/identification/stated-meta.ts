import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import {
  capabilitiesFromAttribute,
  capabilitiesFromText,
  capabilitiesText,
  NO_CAPABILITIES,
  sameCapabilities,
} from './capabilities.ts';

/* Who may do what with a file, as its package says it, and as it is on a host. Pure. */

/** Null where the format of the package does not say. */
export interface StatedMeta {
  mode: number | null;
  owner: string | null;
  group: string | null;
  /** As cap_from_text(3) takes it; empty for none. */
  capabilities: string | null;
}

export const saysNothing = ({ mode, owner, group, capabilities }: StatedMeta): boolean =>
  mode === null && owner === null && group === null && capabilities === null;

/** Of two files with the same numbers in the library what is said of them is the same. */
export const keyOfStated = ({ mode, owner, group, capabilities }: StatedMeta): string =>
  `${mode ?? ''}\0${owner ?? '\0'}\0${group ?? '\0'}\0${capabilities ?? '\0'}`;

const modeText = (mode: number): string => mode.toString(8).padStart(4, '0');

/** What a package says and a host has otherwise: `4755 root:root`. Null where they agree. */
export function difference(stated: StatedMeta, found: Meta): { expected: string; found: string } | null {
  const { mode, owner, group } = stated;
  const isOther =
    (mode !== null && mode !== found.mode) ||
    (owner !== null && owner !== found.owner) ||
    (group !== null && group !== found.group);
  const capabilities = capabilityDifference(stated, found);
  if (!isOther && capabilities === null) return null;
  const text = (of: { mode: number; owner: string; group: string }) => `${modeText(of.mode)} ${of.owner}:${of.group}`;
  const expected = text({
    mode: mode ?? found.mode,
    owner: owner ?? found.owner,
    group: group ?? found.group,
  });
  return capabilities === null
    ? { expected, found: text(found) }
    : { expected: `${expected}, ${capabilities.expected}`, found: `${text(found)}, ${capabilities.found}` };
}

function capabilityDifference({ capabilities }: StatedMeta, { attributes }: Meta) {
  if (capabilities === null) return null;
  const attribute = attributes.get('security.capability');
  const has = attribute === undefined ? NO_CAPABILITIES : capabilitiesFromAttribute(attribute);
  const wanted = capabilitiesFromText(capabilities);
  // What cannot be read is not judged.
  if (has === null || wanted === null || sameCapabilities(has, wanted)) return null;
  return { expected: capabilitiesText(wanted), found: capabilitiesText(has) };
}
