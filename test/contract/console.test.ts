import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';
import { startFakeController } from './api-fixture.ts';

/* What the controller does for browsers: sessions, word of changes, and the files of the console. */

const directory = mkdtempSync(join(tmpdir(), 'tidemark-console-'));
mkdirSync(join(directory, 'assets'));
const SCRIPT = `export const words = ${JSON.stringify('tide '.repeat(200))};`;
writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Tidemark</title>');
writeFileSync(join(directory, 'assets/main-abc.js'), SCRIPT);

let started: Awaited<ReturnType<typeof startFakeController>> | undefined;
async function start(given: Parameters<typeof startFakeController>[0] = {}) {
  started = await startFakeController(given, { consoleDirectory: directory });
  return started;
}
afterEach(() => started?.close());
afterAll(() => rmSync(directory, { recursive: true }));

const PAUSE = '/api/v1/runs/r1/pause';

async function signIn(app: Awaited<ReturnType<typeof start>>['app'], token = 'operator-token') {
  const reply = await app.inject({ method: 'POST', url: '/console/session', payload: { token } });
  const cookie = String(reply.headers['set-cookie'] ?? '').split(';')[0] ?? '';
  return { reply, cookie, csrf: reply.json().csrf as string };
}

describe('a browser that is signed in', () => {
  it('may what its token may; what changes something needs what only its own page can read', async () => {
    const asked: string[] = [];
    const { app } = await start({
      runs: { pause: async ({ by }) => ({ ok: true, value: asked.push(by) }) },
    });
    const { reply, cookie, csrf } = await signIn(app);
    expect(reply.json()).toMatchObject({ signedIn: true, role: 'operator', fleet: 'test-fleet' });
    expect(reply.body).not.toContain('operator-token');
    const ask = (headers: Record<string, string>) => app.inject({ method: 'POST', url: PAUSE, headers, payload: {} });
    expect((await app.inject({ url: '/api/v1/hosts', headers: { cookie } })).statusCode).toBe(200);
    for (const wrong of [{ cookie }, { cookie, 'x-tidemark-csrf': 'x' }, { cookie, 'x-tidemark-csrf': '' }])
      expect((await ask(wrong)).statusCode).toBe(403);
    expect((await ask({ 'x-tidemark-csrf': csrf })).statusCode).toBe(401);
    expect(asked).toEqual([]);
    expect((await ask({ cookie, 'x-tidemark-csrf': csrf })).statusCode).toBe(200);
    expect(asked).toEqual(['a operator']);
  });

  it('is not when its token is wrong, from another site, after it signed out, and after its token was revoked', async () => {
    const { app } = await start();
    expect((await signIn(app, 'no-such-token')).reply.statusCode).toBe(401);
    const payload = { token: 'operator-token' };
    const headers = { 'sec-fetch-site': 'cross-site' };
    const foreign = await app.inject({ method: 'POST', url: '/console/session', payload, headers });
    expect([foreign.statusCode, foreign.headers['set-cookie']]).toEqual([403, undefined]);

    const { cookie } = await signIn(app);
    expect((await app.inject({ url: '/console/session', headers: { cookie } })).json().signedIn).toBe(true);
    const out = await app.inject({ method: 'DELETE', url: '/console/session', headers: { cookie } });
    expect(out.headers['set-cookie']).toContain('Max-Age=0');
    expect((await app.inject({ url: '/console/session', headers: { cookie } })).json()).toEqual({ signedIn: false });
    expect((await app.inject({ url: '/api/v1/hosts', headers: { cookie } })).statusCode).toBe(401);
  });
});

describe('word of changes', () => {
  it('comes for what is another than it was, and after a while away for all that has changed meanwhile', async () => {
    let versions: Record<string, string> = { audit: '1', incidents: '1 1' };
    const { app, listen } = await start({ changes: async () => versions });
    const { url } = await listen({ host: '127.0.0.1', port: 0 });
    const { cookie } = await signIn(app);
    const said = await follow(`${url}/console/changes`, { cookie });
    await until('everything is said', () => said.events().length === 1);
    versions = { ...versions, audit: '2' };
    await until('the change is said', () => said.events().length === 2);
    expect(said.events().map(({ topics }) => topics)).toEqual([['audit', 'incidents'], ['audit']]);
    said.end();

    versions = { ...versions, 'run:r1': 'running 5' };
    const again = await follow(`${url}/console/changes`, { cookie, 'last-event-id': said.events()[1]?.id ?? '' });
    await until('what changed meanwhile is said', () => again.events().length === 1);
    expect(again.events()[0]?.topics).toEqual(['run:r1']);
    again.end();
    expect((await app.inject({ url: '/console/changes' })).statusCode).toBe(401);
  });
});

describe('the files of the console', () => {
  it('are packed, kept by browsers, and under a policy that lets nothing inline or foreign in', async () => {
    const { app } = await start();
    const script = await app.inject({ url: '/assets/main-abc.js', headers: { 'accept-encoding': 'gzip, br' } });
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'gzip',
      'cache-control': expect.stringContaining('immutable'),
    });
    expect(gunzipSync(script.rawPayload).toString()).toBe(SCRIPT);
    const plain = await app.inject({ url: '/assets/main-abc.js' });
    expect([plain.body, plain.headers['content-encoding']]).toEqual([SCRIPT, undefined]);
    const policy = String(script.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
    const known = { 'if-none-match': String(plain.headers.etag) };
    const same = await app.inject({ url: '/assets/main-abc.js', headers: known });
    expect([same.statusCode, same.body]).toEqual([304, '']);
  });

  it('are a page for every screen, and nothing for what is not there', async () => {
    const { app, registered } = await start();
    for (const url of ['/', '/runs/r1', '/hosts/web01?tab=facts']) {
      const page = await app.inject({ url });
      expect([page.statusCode, page.headers['cache-control']]).toEqual([200, 'no-cache']);
      expect(page.body).toContain('<title>Tidemark</title>');
    }
    for (const url of ['/assets/other.js', '/assets/..%2F..%2Fpackage.json', '/api/v1/nothing', '/console/nothing'])
      expect([url, (await app.inject({ url })).headers['content-type']]).toEqual([
        url,
        expect.stringContaining('application/json'),
      ]);
    expect(registered.filter(({ role }) => role === null)).toEqual([]);
  });
});

/** The events of a stream, as they come. */
async function follow(url: string, headers: Record<string, string>) {
  let text = '';
  const request = get(url, { headers }, response => {
    response.setEncoding('utf8').on('data', part => {
      text += part;
    });
  });
  request.on('error', () => {});
  return {
    events: () =>
      [...text.matchAll(/^id: (.*)\ndata: (.*)\n$/gm)].map(([, id = '', data = '']) => ({
        ...{ id, topics: (JSON.parse(data) as { topics: string[] }).topics },
      })),
    end: () => request.destroy(),
  };
}
