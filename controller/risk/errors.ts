export interface RiskError {
  code:
    | 'advisories-invalid'
    | 'advisories-unreachable'
    | 'advisory-unknown'
    | 'host-unknown'
    | 'bundle-unknown'
    | 'cve-invalid';
  message: string;
  details?: { message: string }[];
}

/** A mirror that cannot be reached, may not be, or has nothing at this address. The message is for people. */
export class MirrorRefused extends Error {
  override name = 'MirrorRefused';
}
