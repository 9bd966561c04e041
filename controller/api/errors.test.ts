import { expect, it } from 'vitest';
import { statusOf } from './errors.ts';

it.each([
  ['not-found', 404],
  ['unknown-run', 404],
  ['plan-unknown', 404],
  ['no-fingerprint', 404],
  ['token-used', 409],
  ['already-resolved', 409],
  ['run-ended', 409],
  ['not-now', 409],
  ['not-approved', 409],
  ['no-landscape', 409],
  ['bundle-exists', 409],
  ['release-differs', 409],
  ['trust-root-stale', 409],
  ['host-banned', 403],
  ['too-large', 413],
  ['no-space', 507],
  ['policy-invalid', 422],
  ['plan-impossible', 422],
  ['bad-archive', 422],
])('a refusal with code %s has status %d', (code, status) => expect(statusOf(code)).toBe(status));
