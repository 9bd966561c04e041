/** Why verification cannot answer. The message says what to do next. */
export interface VerificationError {
  code:
    | 'unknown-host'
    | 'unknown-cluster'
    | 'unknown-baseline'
    | 'unknown-waiver'
    | 'unknown-schedule'
    | 'bad-reference'
    | 'bad-waiver'
    | 'bad-schedule'
    | 'schedule-exists'
    | 'baseline-invalid'
    | 'baseline-exists'
    | 'no-fingerprint'
    | 'unknown-profile'
    | 'bad-profile'
    | 'profile-exists'
    | 'bad-secret-key'
    | 'profile-differs'
    | 'tree-damaged';
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

export const unknownCluster = (cluster: string): VerificationError => ({
  code: 'unknown-cluster',
  message: `the landscape has no cluster ${cluster}: "tidemark get clusters" lists those it has`,
});

export const unknownBaseline = (name: string): VerificationError => ({
  code: 'unknown-baseline',
  message: `there is no baseline ${name}: "tidemark get baselines" lists those that are kept`,
});
