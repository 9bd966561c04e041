import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { type Clock, systemClock } from '@tidemark/shared/base/clock.ts';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { bearerToken, grants } from './authorisation.ts';
import { readAssets, registerAssets } from './console/assets.ts';
import { registerConsole } from './console/routes.ts';
import { BrowserSessions, CSRF_HEADER } from './console/sessions.ts';
import type { ApiContext, Call, Handler } from './context.ts';
import { ErrorReply, type Role } from './contract/common.ts';
import { MAX_LANDSCAPE_BYTES } from './contract/landscape.ts';
import { MAX_ARCHIVE_BYTES } from './contract/releases.ts';
import { API_PREFIX, type RouteDefinition } from './contract/route.ts';
import { type RouteName, routeNames, routes } from './contract/routes.ts';
import { ApiError, errorReply } from './errors.ts';
import { createHandlers } from './handlers/index.ts';
import { describeApi, OPENAPI_PATH } from './openapi.ts';
import { replyFor } from './replies.ts';
import type { Authoriser, Principal, Services } from './services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a token needs for this route. A route without it is denied to everybody. */
    role?: Role | 'anyone';
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

/** Twice the largest text that a route takes: JSON escapes make it longer. */
const MAX_JSON_BYTES = 2 * MAX_LANDSCAPE_BYTES;
/** Everything comes from the controller itself, and a name that holds HTML or a script is text: nothing inline runs or styles. */
const CONTENT_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'font-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
  'require-trusted-types-for': ["'script'"],
};
/** 60 a second from one address: a person's tools stay far below, a loop that runs wild is stopped. */
const REQUESTS_PER_MINUTE = 3_600;
/** A client that sends its headers or body more slowly than this is cut; a large archive has an hour. */
const REQUEST_TIMEOUT_MS = 3_600_000;

export interface ApiServerOptions {
  services: Services;
  authoriser: Authoriser;
  /** PEM texts. Without them the server speaks plain HTTP: only for tests that inject requests. */
  tls: { key: string; cert: string } | null;
  /** Where archives lie while they arrive; ours alone. */
  uploadDirectory: string;
  /** Where the build has put the console; without it there is none. */
  consoleDirectory?: string | null;
  clock?: Clock;
  maxArchiveBytes?: number;
  /** From one address. */
  requestsPerMinute?: number;
  /** Unexpected errors, for the log. What the client sees of them is only that there was one. */
  onError?: (error: unknown, request: { method: string; url: string }) => void;
}

export interface ApiServer {
  app: FastifyInstance;
  /** Every route that the server answers to, with what it needs: null would be a route that nobody may call. */
  registered: { method: string; url: string; role: Role | 'anyone' | null }[];
  /** Port 0 takes a free one. Says where it listens. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number; url: string }>;
  /** Ends waiting requests and closes all connections. */
  close(): Promise<void>;
}

/** The REST API over the given services. Nothing listens before `listen`. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const app = newFastify(options);
  const closing = new AbortController();
  const registered: ApiServer['registered'] = [];
  app.addHook('onRoute', ({ method, url, config }) => {
    registered.push({ method: String(method), url, role: config?.role ?? null });
  });
  await app.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY } });
  await app.register(rateLimit, {
    max: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { after }) =>
      new ApiError(429, 'too-many-requests', `too many requests from this address: try again in ${after}`),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => {
    const answer = replyFor(error);
    if (answer.status >= 500) options.onError?.(error, { method: request.method, url: request.url });
    return reply.code(answer.status).type('application/json').send(JSON.stringify(answer.body));
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorReply('not-found', `there is no ${request.method} ${request.url.split('?')[0]}`)),
  );
  app.decorateRequest('principal', null);
  // After the rate limit, which looks at `onRequest`, and before a byte of the body is read.
  const clock = options.clock ?? systemClock;
  const sessions = new BrowserSessions(clock);
  app.addHook('preParsing', async request => authorise(request, options.authoriser, sessions));
  await describeApi(app, options.services.system.version);
  const context: ApiContext = {
    services: options.services,
    clock,
    uploads: { directory: options.uploadDirectory, maxBytes: options.maxArchiveBytes ?? MAX_ARCHIVE_BYTES },
    sleep: (ms, signal) =>
      delay(ms, undefined, { signal: AbortSignal.any([signal, closing.signal]) }).catch(() => undefined),
  };
  await app.register(async scope => registerRoutes(scope, context, closing.signal));
  const { services, authoriser } = options;
  registerConsole(app, {
    ...{ services, authoriser, sessions, clock, closing: closing.signal },
    onTrouble: error => options.onError?.(error, { method: 'GET', url: '/console/changes' }),
  });
  if (options.consoleDirectory) registerAssets(app, readAssets(options.consoleDirectory));
  app.get(OPENAPI_PATH, { schema: { hide: true }, config: { role: 'anyone' } }, async () => app.swagger());
  return {
    app,
    registered,
    listen: address => listen(app, address, options.tls ? 'https' : 'http'),
    close: async () => {
      closing.abort();
      await app.close();
    },
  };
}

async function listen(app: FastifyInstance, address: { host: string; port: number }, scheme: string) {
  await app.listen(address);
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const name = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { host: address.host, port, url: `${scheme}://${name}:${port}` };
}

function newFastify({ tls }: ApiServerOptions): FastifyInstance {
  const common = {
    bodyLimit: MAX_JSON_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    /** Idle connections must not hold up a stop. */
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
    logger: false,
  } as const;
  if (!tls) return fastify(common);
  // The two differ only in the type of the server below, which nobody here touches.
  return fastify({
    ...common,
    https: { key: tls.key, cert: tls.cert, minVersion: 'TLSv1.2' },
  }) as unknown as FastifyInstance;
}

async function authorise(request: FastifyRequest, authoriser: Authoriser, sessions: BrowserSessions): Promise<void> {
  if (request.is404) return;
  const need = request.routeOptions.config.role;
  if (need === undefined) throw new ApiError(403, 'denied', 'nobody may call this');
  if (need === 'anyone') return;
  const token = bearerToken(request.headers.authorization) ?? tokenOfBrowser(request, sessions);
  const principal = token === null ? null : await authoriser.authorise(token);
  if (!principal) {
    throw new ApiError(
      401,
      token === null ? 'no-token' : 'bad-token',
      token === null
        ? 'this needs a token: send "Authorization: Bearer TOKEN"'
        : 'the token is not known, has expired or was revoked: log in with another one',
    );
  }
  if (!grants(principal.role, need)) {
    throw new ApiError(
      403,
      'denied',
      `this needs the role ${need}; ${principal.name} has ${principal.role}: use a token of that role`,
    );
  }
  request.principal = principal;
}

/** What changes something must come from the console's own page: another site can have the cookie sent, and no more. */
function tokenOfBrowser(request: FastifyRequest, sessions: BrowserSessions): string | null {
  // Who sends a header of its own is no browser with a session, whatever the header holds.
  if (request.headers.authorization !== undefined) return null;
  const session = sessions.find(request.headers.cookie);
  if (session === null) return null;
  if (request.method !== 'GET' && request.headers[CSRF_HEADER] !== session.csrf)
    throw new ApiError(403, 'denied', `this must be asked from the console's own page: it sends ${CSRF_HEADER}`);
  return session.token;
}

function registerRoutes(app: FastifyInstance, context: ApiContext, closing: AbortSignal): void {
  // A body of bytes goes to the handler as the stream that it is; its length is watched there.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  const handlers = createHandlers(context);
  for (const name of routeNames) registerRoute(app, name, routes[name], handlers[name] as Handler<RouteName>, closing);
}

const NOBODY: Principal = { name: 'nobody', role: 'viewer' };

function registerRoute(
  app: FastifyInstance,
  name: RouteName,
  definition: RouteDefinition,
  handler: Handler<RouteName>,
  closing: AbortSignal,
): void {
  const status = definition.status ?? 200;
  app.route({
    method: definition.method,
    url: `${API_PREFIX}${definition.path}`,
    config: { role: definition.role },
    schema: {
      operationId: name,
      summary: definition.summary,
      tags: [definition.tag],
      ...(definition.role === 'anyone' ? { security: [] } : { description: `Needs the role ${definition.role}.` }),
      ...(definition.bytes ? { 'x-bytes': true } : {}),
      ...(definition.params ? { params: definition.params } : {}),
      ...(definition.query ? { querystring: definition.query } : {}),
      ...(definition.body ? { body: definition.body } : {}),
      response: { [status]: definition.reply, '4xx': ErrorReply, '5xx': ErrorReply },
    },
    handler: async (request, reply) => {
      if (definition.bytes && !(request.body instanceof Readable))
        throw new ApiError(415, 'not-bytes', 'send the archive itself, as application/octet-stream');
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const call = {
        params: request.params,
        query: request.query,
        body: request.body,
        bytes: request.body instanceof Readable ? request.body : Readable.from([]),
        principal: request.principal ?? NOBODY,
        gone: AbortSignal.any([gone.signal, closing]),
      };
      // Validated just now by the schemas that the handler's type is made of.
      const answer = await handler(call as unknown as Call<RouteName>);
      return reply.code(status).send(answer);
    },
  });
}
