import { connect } from 'node:net';
import { resolveTarget } from '../platform/network-target.ts';
import type { Executor } from './executor.ts';
import { untilGood } from './until-good.ts';

/** A packet filter that drops would else use up all of the time for trying. */
const CONNECT_MS = 5_000;

/** That somebody takes connections there; what they speak is not asked. */
export const checkTcp: Executor<'check/tcp'> = ({ host, port, withinMs }, context) =>
  untilGood(`${host} port ${port}`, withinMs, context, async () => {
    const problem = await tryAddresses(host, port, context.signal);
    const facts = { host, port, problem };
    return problem === null
      ? { good: true, saw: 'takes connections', facts }
      : { good: false, saw: `takes no connections: ${problem}`, facts };
  });

/** Null where one of its addresses can be reached. */
async function tryAddresses(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  let problem: string | null = 'it has no address';
  try {
    for (const { address } of await resolveTarget(host)) {
      problem = await tryConnect(address, port, signal);
      if (problem === null) return null;
    }
  } catch (error) {
    return reason(error as NodeJS.ErrnoException);
  }
  return problem;
}

function tryConnect(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise(resolve => {
    const socket = connect({ host, port, signal });
    const end = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(CONNECT_MS, () => end(`no answer within ${CONNECT_MS} ms`));
    socket.once('connect', () => end(null));
    socket.once('error', error => end(reason(error)));
  });
}

function reason(error: NodeJS.ErrnoException): string {
  // A name with several addresses that all refuse comes as one error without a message.
  if (error.code === 'ECONNREFUSED') return 'the connection is refused';
  if (error.code === 'ENOTFOUND') return 'nobody knows that name';
  return error.message || (error.code ?? error.name);
}
