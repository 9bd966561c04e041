/** What commands in a policy may speak of: written `${host.name}`. Replaced in single arguments; no shell ever sees them. */
export interface PlaceholderValues {
  'host.name': string;
  /** A member of the same cluster that is not active. */
  'peer.name'?: string;
  'cluster.name'?: string;
}

const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** The placeholders in these texts that are none of `known`. */
export function unknownPlaceholders(texts: readonly string[], known: readonly (keyof PlaceholderValues)[]): string[] {
  const names: readonly string[] = known;
  return texts
    .flatMap(text => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name ?? ''))
    .filter(name => !names.includes(name));
}

/** Takes only texts without unknown placeholders. */
export function fillIn(text: string, values: PlaceholderValues): string {
  const known = new Map(Object.entries(values));
  return text.replaceAll(PLACEHOLDER, (written, name: string) => known.get(name) ?? written);
}
