import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadIdentity } from './identity.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tidemark-identity-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('an identity that cannot be used says what to do', () => {
  it('where there is none', () => {
    expect(loadIdentity(join(scratch, 'none'))).toEqual({
      ok: false,
      error: expect.stringContaining('tidemark-agent enrol'),
    });
  });

  it.each([
    ['empty', {}, 'enrol anew'],
    ['a key that others can read', { 'key.pem': ['k', 0o644] }, 'chmod 600'],
    ['no certificate', { 'key.pem': ['k', 0o600], 'enrolment.json': ['{}', 0o644] }, 'does not fit its schema'],
    ['half a file', { 'key.pem': ['k', 0o600], 'enrolment.json': ['{"format":', 0o644] }, 'enrol anew'],
  ] as [string, Record<string, [string, number]>, string][])('where it is damaged: %s', (name, files, hint) => {
    const stateDir = join(scratch, name.replaceAll(' ', '-'));
    mkdirSync(join(stateDir, 'identity'), { recursive: true });
    for (const [file, [text, mode]] of Object.entries(files))
      writeFileSync(join(stateDir, 'identity', file), text, { mode });
    expect(loadIdentity(stateDir)).toEqual({ ok: false, error: expect.stringContaining(hint) });
  });
});
