import { describe, expect, it } from 'vitest';
import { accountsOf, chooseUser } from './postgres-user.ts';

const accounts = accountsOf(
  'root:x:0:0:root:/root:/bin/sh\n# a comment\npostgres:x:101:104::/var/lib/postgresql:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n',
);
const without = (name: string) => accounts.filter(account => account.name !== name);

describe('the user of the private PostgreSQL', () => {
  it.each([
    ['root with an account postgres', 0, null, accounts, { name: 'postgres', uid: 101, gid: 104 }],
    ['root without one', 0, null, without('postgres'), { name: 'nobody', uid: 65534, gid: 65533 }],
    ['root, over data that nobody made earlier', 0, 65534, accounts, { name: 'nobody', uid: 65534, gid: 65533 }],
    ['somebody else', 1000, null, accounts, null],
    ['somebody else, over data of their own', 1000, 1000, accounts, null],
  ])('for %s', (_who, self, owner, known, expected) => {
    expect(chooseUser(self, owner, known)).toEqual(expected);
  });

  it.each([
    ['data of another user', 1000, 101, accounts, /belongs to user postgres and the controller runs as 1000/],
    ['no account to run it as', 0, null, [], /no account "postgres" or "nobody"/],
    ['an account that is root by another name', 0, null, [{ name: 'postgres', uid: 0, gid: 0 }], /no account/],
  ])('is refused with %s, and what to do is said', (_what, self, owner, known, message) => {
    expect(() => chooseUser(self, owner, known)).toThrow(message);
  });
});
