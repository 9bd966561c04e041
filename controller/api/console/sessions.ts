import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@tidemark/shared/base/clock.ts';

/** Of a browser that somebody signed in with: what stands for the token in it. */
export interface BrowserSession {
  token: string;
  /** What a request that changes something has to repeat in a header: other sites can send the cookie, but not read this. */
  csrf: string;
  openedAtMs: number;
  seenAtMs: number;
}

/** A shift at night, so that nobody has to sign in twice in it. */
const LIFE_MS = 12 * 3_600_000;
/** Without a request for so long; an open page asks all the time. */
const IDLE_MS = 3_600_000;
/** Far above what an operations team has; who was here longest ago has to sign in again. */
const MOST_SESSIONS = 1_000;
const SECRET_BYTES = 32;

/** `__Host-`: a browser takes it over HTTPS only, for this host alone, and from no other. */
const COOKIE = '__Host-tidemark';
const SENT = new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`);
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

export const CSRF_HEADER = 'x-tidemark-csrf';

/** What takes the cookie away again. */
export const NO_COOKIE = `${COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

/**
 * Sessions of browsers, in memory: a token never lies in a browser, where any script could read it, and after a start of the
 * controller people sign in again. A session is worth what its token is worth at each request.
 */
export class BrowserSessions {
  /** By SHA-256 of the cookie's secret, the one that was seen longest ago first. */
  private readonly sessions = new Map<string, BrowserSession>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Gives the value of the header `Set-Cookie`. */
  open(token: string): { session: BrowserSession; cookie: string } {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const now = this.clock.now();
    const csrf = randomBytes(SECRET_BYTES).toString('base64url');
    const session = { token, csrf, openedAtMs: now, seenAtMs: now };
    this.sessions.set(keyOf(secret), session);
    const [oldest] = this.sessions.keys();
    if (this.sessions.size > MOST_SESSIONS && oldest !== undefined) this.sessions.delete(oldest);
    return { session, cookie: `${COOKIE}=${secret}; ${ATTRIBUTES}; Max-Age=${LIFE_MS / 1_000}` };
  }

  /** Of the browser that sent this header `Cookie`; null where it has none, or none any more. */
  find(cookies: string | undefined): BrowserSession | null {
    const key = keySent(cookies);
    const session = key === null ? undefined : this.sessions.get(key);
    if (key === null || !session) return null;
    this.sessions.delete(key);
    const now = this.clock.now();
    if (now >= endOf(session)) return null;
    session.seenAtMs = now;
    this.sessions.set(key, session);
    return session;
  }

  close(cookies: string | undefined): void {
    const key = keySent(cookies);
    if (key !== null) this.sessions.delete(key);
  }
}

/** When it ends if nothing is asked any more, in milliseconds since the epoch. */
export const endOf = ({ openedAtMs, seenAtMs }: BrowserSession): number =>
  Math.min(openedAtMs + LIFE_MS, seenAtMs + IDLE_MS);

function keySent(cookies: string | undefined): string | null {
  const secret = SENT.exec(cookies ?? '')?.[1];
  return secret === undefined ? null : keyOf(secret);
}

const keyOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
