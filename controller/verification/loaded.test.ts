import { expect, it } from 'vitest';
import { notLoaded } from './loaded.ts';

const PRODUCTS = [{ product: 'orders-db', home: '/opt/orders-db' }];

it('is nothing where nothing that was replaced runs, and where nobody has told', () => {
  expect(notLoaded('db01', { reboot: [], stale: [] }, PRODUCTS)).toEqual([]);
  expect(notLoaded('db01', null, PRODUCTS)).toEqual([]);
});

it('names the unit, the file with its product, and why the server must be booted', () => {
  const found = notLoaded(
    'db01',
    {
      reboot: ['the running kernel is 6.1.0-1, 6.1.0-2 is installed'],
      stale: [
        {
          unit: 'orders-db.service',
          processes: ['orders-db 812'],
          files: ['/opt/orders-db/releases/1.4.0/lib/core.so', '/usr/lib/libssl.so.3'],
        },
      ],
    },
    PRODUCTS,
  );
  expect(found.map(({ class: kind, product, path, note }) => [kind, product, path, note])).toEqual([
    ['not-loaded', null, '/', 'db01 must be booted: the running kernel is 6.1.0-1, 6.1.0-2 is installed'],
    [
      'not-loaded',
      'orders-db',
      '/opt/orders-db/releases/1.4.0/lib/core.so',
      'orders-db.service on db01 still runs the file that was replaced (orders-db 812): restart it',
    ],
    [
      'not-loaded',
      null,
      '/usr/lib/libssl.so.3',
      'orders-db.service on db01 still runs the file that was replaced (orders-db 812): restart it',
    ],
  ]);
});
