import { describe, expect, it } from 'vitest';
import type { TokenRecord } from './decide.ts';
import type { AccessStore } from './ports.ts';
import { createAccess } from './service.ts';
import { encodeApiToken, parseApiToken } from './token.ts';

const HOUR = 3_600_000;

function world() {
  let now = 1_000_000;
  let records: TokenRecord[] = [];
  const audited: string[] = [];
  const store: AccessStore = {
    token: async id => records.find(record => record.id === id) ?? null,
    tokens: async () => records,
    transaction: async work => {
      const before = [...records];
      try {
        return await work({
          tokensLocked: async () => records,
          add: async token => {
            records = [...records, token];
          },
          revoke: async (id, atMs) => {
            records = records.map(record => (record.id === id ? { ...record, revokedAtMs: atMs } : record));
          },
          audit: async ({ action, subject, actor }) => {
            audited.push(`${actor} ${action} ${subject}`);
          },
        });
      } catch (error) {
        records = before;
        throw error;
      }
    },
  };
  const access = createAccess({ store, clock: { now: () => now, monotonic: () => now } });
  const create = async (name: string, role: TokenRecord['role'] = 'operator', expiresAt: number | null = null) => {
    const made = await access.createToken({ name, role, expiresAt, by: 'ada' });
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  };
  return {
    access,
    create,
    audited,
    records: () => records,
    pass: (ms: number) => {
      now += ms;
    },
    now: () => now,
  };
}

describe('an API token', () => {
  it('opens what its role opens, and its secret is kept nowhere', async () => {
    const { access, create, records, audited } = world();
    const made = await create('ada');
    expect(await access.authorise(made.token)).toEqual({ id: made.id, name: 'ada', role: 'operator' });
    const secret = parseApiToken(made.token)?.secret;
    expect(JSON.stringify([records(), await access.listTokens(), audited])).not.toContain(
      secret?.toString('base64url'),
    );
    expect(records()[0]?.secretHash.equals(secret ?? Buffer.alloc(0))).toBe(false);
    expect(audited).toEqual(['ada token.created token ada']);
  });

  it('is refused with one changed bit, with another id, cut short, or as anything else', async () => {
    const { access, create } = world();
    const { token, id } = await create('ada');
    const secret = parseApiToken(token)?.secret ?? Buffer.alloc(32);
    const flipped = Buffer.from(secret);
    flipped[31] = (flipped[31] ?? 0) ^ 1;
    const wrong = [
      encodeApiToken({ id, secret: flipped }),
      encodeApiToken({ id: '0'.repeat(12), secret }),
      encodeApiToken({ id: '0'.repeat(12), secret: Buffer.alloc(32) }),
      token.slice(0, -1),
      `${token} `,
      '',
      'tma__',
      id,
    ];
    for (const text of wrong) expect(await access.authorise(text)).toBeNull();
  });

  it('has one text only: the spare bits of its last character count', () => {
    const token = encodeApiToken({ id: 'aabbccddeeff', secret: Buffer.alloc(32) });
    expect(parseApiToken(token)).not.toBeNull();
    expect(parseApiToken(`${token.slice(0, -1)}B`)).toBeNull();
  });

  it('ends at its expiry, to the millisecond', async () => {
    const { access, create, pass, now } = world();
    const { token } = await create('ada', 'viewer', now() + HOUR);
    pass(HOUR - 1);
    expect(await access.authorise(token)).not.toBeNull();
    pass(1);
    expect(await access.authorise(token)).toBeNull();
  });

  it('is worthless once revoked; revoking it again keeps the first time', async () => {
    const { access, create, pass, audited } = world();
    const { id, token } = await create('ada');
    const first = await access.revokeToken({ id, by: 'root' });
    pass(HOUR);
    expect(await access.revokeToken({ id, by: 'root' })).toEqual(first);
    expect(await access.authorise(token)).toBeNull();
    expect(audited.filter(entry => entry.includes('revoked'))).toHaveLength(1);
  });

  it.each([
    ['a name that is taken', 'ada', null, 'token-exists'],
    ['a name that a terminal would act on', 'a\u001b[2J', null, 'name-invalid'],
    ['an expiry that has passed', 'bob', 1, 'expiry-passed'],
  ])('is not made with %s', async (_what, name, expiresAt, code) => {
    const { access, create, records } = world();
    await create('ada');
    expect(await access.createToken({ name, role: 'viewer', expiresAt, by: 'x' })).toMatchObject({
      ok: false,
      error: { code },
    });
    expect(records()).toHaveLength(1);
  });

  it('never takes the name of one that was revoked', async () => {
    const { access, create } = world();
    const { id } = await create('ada');
    await access.revokeToken({ id, by: 'root' });
    const again = await access.createToken({ name: 'ada', role: 'viewer', expiresAt: null, by: 'x' });
    expect(again).toMatchObject({ ok: false, error: { message: expect.stringContaining('ada-2') } });
  });
});

describe('the admin', () => {
  it('gets a token at the first start, and none at the second', async () => {
    const { access } = world();
    const saved: string[] = [];
    const save = async (token: string) => void saved.push(token);
    expect(await access.ensureAdmin(save)).toBe(true);
    expect(await access.ensureAdmin(save)).toBe(false);
    expect(await access.authorise(saved[0] ?? '')).toMatchObject({ name: 'admin', role: 'admin' });
  });

  it('gets none that could not be saved', async () => {
    const { access, records } = world();
    await expect(access.ensureAdmin(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
    expect(records()).toEqual([]);
  });

  it('gets a new one when the last has expired', async () => {
    const { access, create, pass, now } = world();
    await create('admin', 'admin', now() + HOUR);
    pass(HOUR);
    expect(await access.ensureAdmin(async () => {})).toBe(true);
    expect((await access.listTokens()).map(token => token.name)).toEqual(['admin', 'admin-2']);
  });

  it('keeps the last token: it cannot be revoked while no other admin can get in', async () => {
    const { access, create } = world();
    const first = await create('admin', 'admin');
    await create('ada', 'operator');
    expect(await access.revokeToken({ id: first.id, by: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'last-admin' },
    });
    await create('bob', 'admin');
    expect(await access.revokeToken({ id: first.id, by: 'x' })).toMatchObject({ ok: true });
    expect(await access.revokeToken({ id: 'nothing', by: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'token-unknown' },
    });
  });
});
