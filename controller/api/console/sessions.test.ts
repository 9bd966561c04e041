import { expect, it } from 'vitest';
import { BrowserSessions } from './sessions.ts';

const HOUR = 3_600_000;

function world() {
  let now = 1_000_000;
  const sessions = new BrowserSessions({ now: () => now, monotonic: () => now });
  const sent = (cookie: string) => cookie.split(';')[0];
  return { sessions, sent, pass: (ms: number) => (now += ms) };
}

it('is found by its cookie alone, which no script and no other site gets', () => {
  const { sessions, sent } = world();
  const { session, cookie } = sessions.open('tma_x');
  expect(cookie).toMatch(/^__Host-tidemark=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect(sessions.find(`a=b; ${sent(cookie)}; c=d`)).toBe(session);
  expect(cookie).not.toContain(session.csrf);
  for (const other of [undefined, '', `x${sent(cookie)}`, `${sent(cookie)}0`, sent(sessions.open('tma_y').cookie)])
    expect(sessions.find(other)?.token).not.toBe('tma_x');
});

it('ends an hour after the last request', () => {
  const { sessions, sent, pass } = world();
  const { cookie } = sessions.open('tma_x');
  pass(HOUR - 1);
  expect(sessions.find(sent(cookie))).not.toBeNull();
  pass(HOUR - 1);
  expect(sessions.find(sent(cookie))).not.toBeNull();
  pass(HOUR);
  expect(sessions.find(sent(cookie))).toBeNull();
});

it('ends after twelve hours, however busy it is', () => {
  const { sessions, sent, pass } = world();
  const { cookie } = sessions.open('tma_x');
  for (let half = 1; half < 24; half++) {
    pass(HOUR / 2);
    expect(sessions.find(sent(cookie))).not.toBeNull();
  }
  pass(HOUR / 2);
  expect(sessions.find(sent(cookie))).toBeNull();
});

it('ends when it is closed, and when there are too many it is the one that was seen longest ago', () => {
  const { sessions, sent } = world();
  const [first, second] = [sessions.open('first').cookie, sessions.open('second').cookie];
  sessions.find(sent(first));
  for (let number = 0; number < 999; number++) sessions.open('another');
  expect([sessions.find(sent(first))?.token, sessions.find(sent(second))]).toEqual(['first', null]);
  sessions.close(sent(first));
  expect(sessions.find(sent(first))).toBeNull();
});
