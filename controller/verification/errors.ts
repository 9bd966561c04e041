/** Why verification cannot answer. The message says what to do next. */
export interface VerificationError {
  code: 'unknown-host' | 'no-fingerprint' | 'profile-differs' | 'nothing-to-scan' | 'tree-damaged';
  message: string;
}

export const unknownHost = (host: string): VerificationError => ({
  code: 'unknown-host',
  message: `no host ${host} is enrolled: "tidemark get hosts" lists those that are`,
});

export const noFingerprint = (host: string): VerificationError => ({
  code: 'no-fingerprint',
  message: `${host} has no fingerprint yet: make one with "tidemark scan ${host}"`,
});
