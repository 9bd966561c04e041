import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { AUTHORISATION, authoriseAgent, authoriseAnyone, type CallerContext } from './authorisation.ts';
import type { Caller } from './ports.ts';

const caller: Caller = { hostId: 'h', hostName: 'db01', serial: '1', notAfterMs: 0 };
const known = async () => ({ ok: true as const, value: caller });
const unknown = async () => ({ ok: false as const, error: 'revoked' });
const withCertificate: CallerContext = { getAuthContext: () => ({ sslPeerCertificate: { raw: Buffer.of(1) } }) };
const withoutCertificate: CallerContext = { getAuthContext: () => ({}) };

const paths = Object.entries(AUTHORISATION);
const strange = ['/tidemark.v1.Link/Reboot', '/tidemark.v1.Enrolment/List', 'toString', '__proto__', ''];

describe('an agent with its certificate', () => {
  it.each(paths)('calls %s if the table says %s = agent', async (path, kind) => {
    const call = authoriseAgent(path, withCertificate, known);
    if (kind === 'agent') expect(await call).toBe(caller);
    else await expect(call).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it.each(strange)('may not call "%s", which is not in the table', async path => {
    await expect(authoriseAgent(path, withCertificate, known)).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
  });

  it('is nobody once its certificate is refused, or where it shows none', async () => {
    const path = '/tidemark.v1.Link/Connect';
    const unauthenticated = { code: status.UNAUTHENTICATED };
    await expect(authoriseAgent(path, withCertificate, unknown)).rejects.toMatchObject({
      ...unauthenticated,
      details: 'revoked',
    });
    await expect(authoriseAgent(path, withoutCertificate, known)).rejects.toMatchObject(unauthenticated);
  });
});

describe('anyone', () => {
  it.each(paths)('calls %s if the table says %s = anyone', (path, kind) => {
    if (kind === 'anyone') expect(() => authoriseAnyone(path)).not.toThrow();
    else expect(() => authoriseAnyone(path)).toThrow('not allowed');
  });

  it.each(strange)('may not call "%s", which is not in the table', path => {
    expect(() => authoriseAnyone(path)).toThrow('not allowed');
  });
});
