/** How an identity is written in a certificate: `tidemark://<fleet>/agent/<uuid>`. */
export const agentUri = (fleet: string, hostId: string): string => `tidemark://${fleet}/agent/${hostId}`;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** The host that a certificate's alternative names (as node prints them) say in this fleet; null where they say none. */
export function hostIdIn(subjectAltName: string | undefined, fleet: string): string | null {
  const match = new RegExp(`^URI:tidemark://([^/,"]+)/agent/(${UUID})$`).exec(subjectAltName ?? '');
  return match !== null && match[1] === fleet ? (match[2] ?? null) : null;
}

/** A fleet's name stands in a URI and in certificates: as narrow as a DNS label. */
export const isFleetName = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);

/** A host's name as people and the landscape write it. */
export const isHostName = (name: string): boolean => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name);
