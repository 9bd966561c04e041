// The middle: books with the database node that is active, and waits a moment while the pair hands over.
import { callAny } from './http.mjs';
import { placesOf } from './site.mjs';

export function createApp({ application, product, version }) {
  const databases = placesOf(`${application}-db`);
  return async (method, path) => {
    if (path === '/health') return { status: 200, body: { status: 'ok', product, version } };
    if (method !== 'POST' || path !== '/book') return { status: 404, body: { error: 'no such page' } };
    const booked = await callAny(databases, 'POST', '/book', { withinMs: 5_000 });
    return { status: 200, body: { ...booked, app: version } };
  };
}
