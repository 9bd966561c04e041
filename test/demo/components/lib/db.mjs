// The back: counts bookings. Of a pair one node is active; it copies every booking to the standby before it answers.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from './http.mjs';
import { hostName, placesOf, root } from './site.mjs';

const PEER_TIMEOUT_MS = 1_000;

export async function createDatabase({ product, version }) {
  const file = join(root, 'var/lib/shop', `${product}.json`);
  const peer = placesOf(product).find(place => place.host !== hostName) ?? null;
  const state = load(file);
  await settle();

  return async (method, path, body) => {
    switch (`${method} ${path}`) {
      case 'GET /health':
        return { status: 200, body: { status: 'ok', product, version } };
      case 'GET /role':
        return { status: 200, body: { role: state.role, bookings: state.bookings } };
      case 'POST /book':
        return state.role === 'active' ? book() : { status: 503, body: { error: `${hostName} is ${state.role}` } };
      case 'POST /copy':
        return take(JSON.parse(body).bookings);
      case 'POST /promote':
        take(JSON.parse(body).bookings);
        become('active');
        return { status: 200, body: { role: state.role } };
      case 'POST /handover':
        return handOver();
      default:
        return { status: 404, body: { error: 'no such page' } };
    }
  };

  async function book() {
    state.bookings++;
    const booking = state.bookings;
    save();
    if (peer) await tellPeer('/copy').catch(() => {});
    return { status: 200, body: { booking, db: version, node: hostName } };
  }

  function take(bookings) {
    state.bookings = Math.max(state.bookings, bookings);
    save();
    return { status: 200, body: { bookings: state.bookings } };
  }

  /** Takes no more bookings, gives the peer what there is, and only then lets it be active: never two at once. */
  async function handOver() {
    if (state.role !== 'active') return { status: 200, body: { role: state.role } };
    if (!peer) return { status: 409, body: { error: `${product} has no peer to hand over to` } };
    become('standby');
    try {
      await tellPeer('/promote');
      return { status: 200, body: { role: state.role } };
    } catch (error) {
      become('active');
      return { status: 409, body: { error: `${peer.host} does not take over: ${error.message}` } };
    }
  }

  /** After a start: what the peer has counted is true, and where it is active this node is not. */
  async function settle() {
    if (!peer) return become('active');
    const other = await call('GET', `${peer.url}/role`, { timeoutMs: PEER_TIMEOUT_MS }).catch(() => null);
    if (!other) return;
    take(other.body.bookings);
    if (other.body.role === 'active') become('standby');
  }

  async function tellPeer(path) {
    const body = JSON.stringify({ bookings: state.bookings });
    const answer = await call('POST', peer.url + path, { body, timeoutMs: PEER_TIMEOUT_MS });
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
  }

  function become(role) {
    state.role = role;
    save();
  }

  function save() {
    mkdirSync(join(root, 'var/lib/shop'), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  }
}

function load(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { role: 'standby', bookings: 0 };
  }
}
