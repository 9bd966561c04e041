import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import type { Authoriser, Principal, Services } from '../services.ts';
import { ChangeFeed, changedTopics, decodeVersions, encodeVersions, type Versions } from './changes.ts';
import { type BrowserSession, type BrowserSessions, endOf, NO_COOKIE } from './sessions.ts';

/** 20 a minute from one address: a person who looks for the right file, and nobody who tries tokens. */
const SIGN_INS_PER_MINUTE = 20;
/** Below the 30 s after which proxies give up on a connection that is silent. */
const BEAT_MS = 15_000;
/** One a browser: as many as there can be sessions. */
const MOST_STREAMS = 1_000;

export interface ConsoleOptions {
  services: Pick<Services, 'system' | 'changes'>;
  authoriser: Authoriser;
  sessions: BrowserSessions;
  clock: Clock;
  closing: AbortSignal;
  onTrouble: (error: unknown) => void;
}

/** What the console needs beside the API: a session for a browser, and word of what has changed. */
export function registerConsole(app: FastifyInstance, options: ConsoleOptions): void {
  const { authoriser, sessions, services } = options;
  const anyone = { schema: { hide: true }, config: { role: 'anyone' as const } };

  app.get('/console/session', anyone, async (request, reply) => {
    const session = sessions.find(request.headers.cookie);
    const principal = session && (await authoriser.authorise(session.token));
    reply.header('cache-control', 'no-store');
    return session && principal ? signedIn(services, session, principal) : { signedIn: false };
  });

  app.post(
    '/console/session',
    {
      schema: { hide: true, body: z.strictObject({ token: z.string().min(1).max(512) }) },
      config: { role: 'anyone', rateLimit: { max: SIGN_INS_PER_MINUTE, timeWindow: 60_000 } },
    },
    async (request, reply) => {
      refuseOtherSites(request);
      const { token } = request.body as { token: string };
      const principal = await authoriser.authorise(token.trim());
      if (!principal)
        throw new ApiError(
          401,
          'bad-token',
          'the token is not known, has expired or was revoked: an administrator makes one with "tidemark token create"',
        );
      sessions.close(request.headers.cookie);
      const { session, cookie } = sessions.open(token.trim());
      reply.header('set-cookie', cookie).header('cache-control', 'no-store');
      return signedIn(services, session, principal);
    },
  );

  app.delete('/console/session', anyone, async (request, reply) => {
    refuseOtherSites(request);
    sessions.close(request.headers.cookie);
    reply.header('set-cookie', NO_COOKIE);
    return { signedIn: false };
  });

  const feed = new ChangeFeed(() => services.changes(), options.onTrouble);
  app.get('/console/changes', { schema: { hide: true }, config: { role: 'viewer' } }, (request, reply) => {
    if (feed.listening >= MOST_STREAMS)
      throw new ApiError(503, 'too-many-streams', 'too many browsers listen for changes: close some');
    stream(request, reply, feed, options);
  });
}

const signedIn = ({ system }: Pick<Services, 'system'>, session: BrowserSession, { name, role }: Principal) => ({
  signedIn: true,
  ...{ name, role, fleet: system.fleet, version: system.version },
  csrf: session.csrf,
  expiresAt: new Date(endOf(session)).toISOString(),
});

/** Browsers say where a request comes from; what is no browser has no session to lose. */
function refuseOtherSites(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin')
    throw new ApiError(403, 'denied', 'this can be asked from the console alone: open it by its own address');
}

/** Server-sent events: `{"topics": [...]}` whenever something is another than it was at the event before. */
function stream(request: FastifyRequest, reply: FastifyReply, feed: ChangeFeed, options: ConsoleOptions): void {
  reply.hijack();
  const { raw } = reply;
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers }))
    if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200);
  const { since } = request.query as { since?: string };
  let seen: Versions | null = decodeVersions(request.headers['last-event-id']?.toString() ?? since);
  let first = true;
  const unlisten = feed.listen(now => {
    const topics = changedTopics(seen, now);
    if (topics.length === 0 && !first) return;
    raw.write(`id: ${encodeVersions(now)}\ndata: ${JSON.stringify({ topics })}\n\n`);
    seen = now;
    first = false;
  });
  const beat = setInterval(async () => {
    const { cookie, authorization } = request.headers;
    // An open stream must not outlive what opened it.
    const allowed = authorization !== undefined || (await stillIn(cookie, options));
    if (allowed) raw.write(': \n\n');
    else raw.end();
  }, BEAT_MS);
  const end = () => raw.end();
  options.closing.addEventListener('abort', end);
  raw.once('close', () => {
    unlisten();
    clearInterval(beat);
    options.closing.removeEventListener('abort', end);
  });
}

async function stillIn(cookie: string | undefined, { sessions, authoriser }: ConsoleOptions): Promise<boolean> {
  const session = sessions.find(cookie);
  return session !== null && (await authoriser.authorise(session.token)) !== null;
}
