import { createAccess } from '@tidemark/controller/access/service.ts';
import { createAccessStore } from '@tidemark/controller/store/access.ts';
import * as audit from '@tidemark/controller/store/audit.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();

it('keeps tokens, their ends, and who made them', async () => {
  const store = await freshStore();
  const access = createAccess({ store: createAccessStore(store), clock: systemClock });
  const saved: string[] = [];
  await access.ensureAdmin(async token => void saved.push(token));
  const expiresAt = systemClock.now() + 60_000;
  const made = await access.createToken({ name: 'ada', role: 'operator', expiresAt, by: 'admin' });
  expect(made).toMatchObject({ ok: true, value: { name: 'ada', expiresAt } });
  expect(await access.authorise(saved[0] ?? '')).toMatchObject({ role: 'admin' });
  const id = made.ok ? made.value.id : '';
  const token = made.ok ? made.value.token : '';
  expect(await access.authorise(token)).toEqual({ id, name: 'ada', role: 'operator' });
  const revoked = await access.revokeToken({ id, by: 'admin' });
  expect(await access.authorise(token)).toBeNull();
  expect((await access.listTokens())[1]).toEqual(revoked.ok ? revoked.value : null);
  expect(
    (await audit.list(store.db, { after: 0, limit: 10 })).map(({ actor, action, subject }) => [actor, action, subject]),
  ).toEqual([
    ['controller', 'token.created', 'token admin'],
    ['admin', 'token.created', 'token ada'],
    ['admin', 'token.revoked', 'token ada'],
  ]);
});

it('gives a name to one of many that want it at once, and makes one first admin', async () => {
  const store = await freshStore();
  const access = createAccess({ store: createAccessStore(store), clock: systemClock });
  const results = await Promise.all(
    Array.from({ length: 10 }, () => access.createToken({ name: 'ada', role: 'viewer', expiresAt: null, by: 'x' })),
  );
  expect(results.filter(result => result.ok)).toHaveLength(1);
  const admins = await Promise.all(Array.from({ length: 5 }, () => access.ensureAdmin(async () => {})));
  expect(admins.filter(Boolean)).toHaveLength(1);
});
