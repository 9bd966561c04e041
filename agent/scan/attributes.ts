/** What file systems keep about files beside mode and owner: capabilities, access lists, labels. */
export interface Attributes {
  /** Of what stands at this path (bytes as latin1), by name; null for none. */
  of(path: string): ReadonlyMap<string, Buffer> | null;
}

export const NO_ATTRIBUTES: Attributes = { of: () => null };
