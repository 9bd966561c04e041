import { connect } from 'node:net';

export type AdminState = 'ready' | 'drain' | 'maint';

/** One server of a backend, as HAProxy sees it. */
export interface BackendServer {
  server: string;
  /** What people and programs have told it. */
  admin: AdminState;
  /** Gets traffic, as far as its own health goes. */
  up: boolean;
  sessions: number;
}

/** What HAProxy does not do, in its own words. */
export class HaproxyProblem extends Error {
  override name = 'HaproxyProblem';
}

const ANSWER_MS = 10_000;
const ANSWER_BYTES = 16 * 1024 * 1024;

/** All servers of a backend; throws where there is no such backend. */
export async function backendServers(socket: string, backend: string): Promise<BackendServer[]> {
  const states = table(await ask(socket, `show servers state ${backend}`), / /, text => text.replace(/^\d+\n/, ''));
  const stats = table(await ask(socket, 'show stat'), /,/, text => text);
  return states
    .filter(state => state['be_name'] === backend)
    .map(state => {
      const server = state['srv_name'] ?? '';
      const stat = stats.find(each => each['pxname'] === backend && each['svname'] === server);
      return {
        server,
        admin: adminState(Number(state['srv_admin_state'])),
        // SRV_ST_RUNNING, of 0 stopped, 1 starting, 2 running, 3 stopping (HAProxy management guide, "show servers state").
        up: state['srv_op_state'] === '2' || state['srv_op_state'] === '3',
        sessions: Number(stat?.['scur'] ?? Number.NaN),
      };
    });
}

export async function setServerState(
  socket: string,
  backend: string,
  server: string,
  state: AdminState,
): Promise<void> {
  const said = (await ask(socket, `set server ${backend}/${server} state ${state}`)).trim();
  // Done without a word; whatever it says is why not.
  if (said !== '') throw new HaproxyProblem(`HAProxy does not set ${backend}/${server} to ${state}: ${said}`);
}

/** Flags of srv_admin_state: maintenance forced, inherited, by configuration, by name resolution (twice); drain forced, inherited. */
const MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
const DRAIN = 0x08 | 0x10;

const adminState = (flags: number): AdminState =>
  (flags & MAINTENANCE) !== 0 ? 'maint' : (flags & DRAIN) !== 0 ? 'drain' : 'ready';

/** Rows by the names in the line that begins with "# ". */
function table(answer: string, separator: RegExp, strip: (text: string) => string): Record<string, string>[] {
  const [head = '', ...rows] = strip(answer).trim().split('\n');
  if (!head.startsWith('# ')) throw new HaproxyProblem(`HAProxy says: ${answer.trim().slice(0, 300)}`);
  const names = head.slice(2).split(separator);
  return rows.map(row => {
    const values = row.split(separator);
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
  });
}

/** One command, one answer, and the connection is over. */
function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const socket = connect({ path });
    const fail = (why: string) => {
      socket.destroy();
      reject(new HaproxyProblem(`HAProxy cannot be asked at ${path}: ${why}`));
    };
    socket.setTimeout(ANSWER_MS, () => fail(`no answer within ${ANSWER_MS} ms`));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(reasonOf(error)));
    socket.on('data', data => {
      parts.push(data);
      size += data.length;
      if (size > ANSWER_BYTES) fail('its answer has no end');
    });
    socket.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    // Not ended: HAProxy before 2.9 drops what it has to say to who has hung up.
    socket.once('connect', () => socket.write(`${command}\n`));
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such socket';
  if (error.code === 'ECONNREFUSED') return 'nobody listens; is it running?';
  return error.message;
}
