// The front: takes an order and has the application tier book it.
import { callAny } from './http.mjs';
import { placesOf } from './site.mjs';

export function createWeb({ application, product, version }) {
  const apps = placesOf(`${application}-app`);
  let turn = 0;
  return async (method, path) => {
    if (path === '/health') return { status: 200, body: { status: 'ok', product, version } };
    if (method !== 'POST' || path !== '/book') return { status: 404, body: { error: 'no such page' } };
    turn++;
    const order = [...apps.slice(turn % apps.length), ...apps.slice(0, turn % apps.length)];
    const booked = await callAny(order, 'POST', '/book', { withinMs: 6_000 });
    return { status: 200, body: { ...booked, web: version } };
  };
}
