import { z } from 'zod';
import { type BackendServer, backendServers, setServerState } from '../platform/haproxy.ts';
import { beforeOf } from './before.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

const POLL_MS = 250;
const Admin = z.enum(['ready', 'drain', 'maint']);

interface Member {
  socket: string;
  backend: string;
  server: string;
  waitMs: number;
}

/** No new sessions, and those that are there have ended. */
export const lbDrain: Executor<'lb/drain'> = async (args, context) => {
  const { backend, server, waitMs, whenBusy } = args;
  const name = `${backend}/${server}`;
  const at = context.resolve(args.socket);
  const { own, others } = await look(args, context);
  const serving = others.filter(each => each.up && each.admin === 'ready');
  if (own.admin === 'ready' && serving.length === 0) {
    throw new StepFailed(`${name} is the only server of ${backend} that serves: draining it would leave none`);
  }
  const memory = beforeOf(['haproxy', args.socket, backend, server], Admin, context);
  const was = await memory.keep(own.admin);
  // Maintenance is more than drained: it gets no traffic already, and whoever put it there wants it to stay.
  if (own.admin === 'ready') await setServerState(at, backend, server, 'drain');
  const { sessions, tookMs } = await untilEmpty(args, context);
  if (sessions > 0 && whenBusy === 'fail') {
    await setServerState(at, backend, server, was);
    await memory.forget();
    throw new StepFailed(`${name} still has ${sessions} sessions after ${waitMs} ms; it is ${was} as before`, {
      sessions,
      tookMs,
    });
  }
  const left = sessions > 0 ? `; ${sessions} sessions are left and will be cut` : ' and has no session';
  return report(`${name} gets no new sessions after ${tookMs} ms${left}`, { sessions, tookMs, was });
};

/** Back to what it was before it was drained: ready, unless somebody had taken it out before. */
export const lbEnable: Executor<'lb/enable'> = async (args, context) => {
  const { backend, server, waitMs } = args;
  const name = `${backend}/${server}`;
  await look(args, context);
  const memory = beforeOf(['haproxy', args.socket, backend, server], Admin, context);
  const wanted = memory.read() ?? 'ready';
  await setServerState(context.resolve(args.socket), backend, server, wanted);
  const begun = context.clock.monotonic();
  for (;;) {
    const { own } = await look(args, context);
    const tookMs = Math.round(context.clock.monotonic() - begun);
    if (own.admin === wanted && (wanted !== 'ready' || own.up)) {
      await memory.forget();
      const why = wanted === 'ready' ? '' : ', as it was before it was drained';
      return report(`${name} is ${wanted}${why}, after ${tookMs} ms`, { state: wanted, tookMs });
    }
    if (tookMs + POLL_MS > waitMs) {
      throw new StepFailed(
        `${name} is ${own.admin} and ${own.up ? 'up' : 'down'} after ${tookMs} ms; HAProxy's health check of it fails`,
        { state: own.admin, up: own.up, tookMs },
      );
    }
    await pause();
  }
};

async function untilEmpty(args: Member, context: StepContext): Promise<{ sessions: number; tookMs: number }> {
  const begun = context.clock.monotonic();
  for (;;) {
    const { own } = await look(args, context);
    const elapsedMs = context.clock.monotonic() - begun;
    if (own.sessions === 0 || elapsedMs + POLL_MS > args.waitMs)
      return { sessions: own.sessions, tookMs: Math.round(elapsedMs) };
    await pause();
  }
}

async function look(
  { socket, backend, server }: Member,
  context: StepContext,
): Promise<{ own: BackendServer; others: BackendServer[] }> {
  const servers = await backendServers(context.resolve(socket), backend);
  const own = servers.find(each => each.server === server);
  if (!own) {
    const known = servers.map(each => each.server).join(', ') || 'none';
    throw new StepFailed(`the backend ${backend} has no server ${server}; it has ${known}`);
  }
  return { own, others: servers.filter(each => each !== own) };
}

const pause = () => new Promise(resolve => setTimeout(resolve, POLL_MS));
