import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { API_PREFIX } from '@tidemark/controller/api/contract/route.ts';
import { routeNames, routes } from '@tidemark/controller/api/contract/routes.ts';
import { sampleHeader, samplePlan } from '@tidemark/controller/cli/testing/samples.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { AT, bearer, startFakeController } from './api-fixture.ts';

let started: Awaited<ReturnType<typeof startFakeController>> | undefined;

async function start(...given: Parameters<typeof startFakeController>) {
  started = await startFakeController(...given);
  return started;
}

afterEach(async () => {
  await started?.close();
  started = undefined;
});

/** A path with something in place of every parameter. */
const examplePath = (path: string) =>
  `${API_PREFIX}${path
    .replace(':digest', samplePlan.digest)
    .replace(':run', 'r1')
    .replace(':id', '1')
    .replace(':position', '0')
    .replace(/:[a-z]+/g, 'web01')}`;

describe('authorisation', () => {
  it('has a role for every route that it answers to, and needs none only for its health, its description and signing in', async () => {
    const { registered } = await start();
    expect(registered.filter(({ role }) => role === null)).toEqual([]);
    expect(registered.filter(({ role }) => role === 'anyone').map(({ url }) => url)).toEqual([
      `${API_PREFIX}/health`,
      `${API_PREFIX}/health`,
      ...new Array(4).fill('/console/session'),
      `${API_PREFIX}/openapi.json`,
      `${API_PREFIX}/openapi.json`,
    ]);
    expect(registered.length).toBeGreaterThanOrEqual(routeNames.length);
  });

  it('denies a route that has no role, to everybody', async () => {
    const { app } = await start();
    app.get('/forgotten', async () => 'secret');
    const reply = await app.inject({ method: 'GET', url: '/forgotten', headers: bearer('admin') });
    expect(reply.statusCode).toBe(403);
    expect(reply.body).not.toContain('secret');
  });

  it.each(routeNames.filter(name => routes[name].role !== 'anyone'))(
    '%s answers 401 without a token and with one that is not known, before it looks at the request',
    async name => {
      const { app } = await start();
      const { method, path } = routes[name];
      for (const headers of [{}, { authorization: 'Bearer not-a-known-token' }, { authorization: 'Basic YTpi' }]) {
        const reply = await app.inject({ method, url: examplePath(path), headers });
        expect(reply.statusCode).toBe(401);
        expect(reply.json()).toMatchObject({ error: { code: expect.stringMatching(/^(no|bad)-token$/) } });
      }
    },
  );

  it.each(routeNames.filter(name => ['operator', 'approver', 'admin'].includes(routes[name].role)))(
    '%s answers 403 to a viewer',
    async name => {
      const { app } = await start();
      const reply = await app.inject({
        method: routes[name].method,
        url: examplePath(routes[name].path),
        headers: bearer('viewer'),
      });
      expect(reply.statusCode).toBe(403);
      expect(reply.json().error.message).toContain(`needs the role ${routes[name].role}`);
    },
  );

  it('lets an operator plan but not approve, and an approver approve but not plan', async () => {
    const { app } = await start();
    const approvals = examplePath(routes.approvePlan.path);
    const plans = examplePath(routes.createPlan.path);
    const status = async (url: string, role: 'operator' | 'approver') =>
      (await app.inject({ method: 'POST', url, headers: bearer(role), payload: {} })).statusCode;
    expect(await status(approvals, 'operator')).toBe(403);
    expect(await status(plans, 'approver')).toBe(403);
    expect(await status(approvals, 'approver')).toBe(400);
    expect(await status(plans, 'operator')).toBe(400);
  });

  it('stops an address that asks too much before it looks at its token', async () => {
    const { app } = await start({}, { requestsPerMinute: 2 });
    const ask = () => app.inject({ url: `${API_PREFIX}/hosts`, headers: { authorization: 'Bearer guess-number-17' } });
    expect([(await ask()).statusCode, (await ask()).statusCode]).toEqual([401, 401]);
    const stopped = await ask();
    expect(stopped.statusCode).toBe(429);
    expect(stopped.json().error).toMatchObject({
      code: 'too-many-requests',
      message: expect.stringContaining('try again'),
    });
  });

  it('answers about its health without a token', async () => {
    const { app } = await start();
    const reply = await app.inject({ url: `${API_PREFIX}/health` });
    expect(reply.json()).toEqual({ status: 'ok', version: '0.0.0' });
  });
});

describe('requests', () => {
  const operator = bearer('operator');

  it('writes moments as text and takes them as text', async () => {
    const asked: (number | null)[] = [];
    const { app } = await start({
      plans: {
        plan: async input => {
          asked.push(input.atMs);
          return ok({ digest: samplePlan.digest });
        },
      },
    });
    const payload = { policyText: 'x', fileName: 'p.yaml', at: '2026-03-21T22:00:00+01:00' };
    const reply = await app.inject({ method: 'POST', url: `${API_PREFIX}/plans`, headers: operator, payload });
    expect(reply.statusCode).toBe(201);
    expect(asked).toEqual([AT]);
    const run = await app.inject({ url: `${API_PREFIX}/runs/r1`, headers: operator });
    expect(run.json().startedAt).toBe(new Date(AT).toISOString());
    expect(JSON.parse(reply.json().document.header).name).toBe(sampleHeader.name);
  });

  it.each([
    ['a member that nobody knows', { text: 'x', fileName: 'l.yaml', extra: 1 }],
    ['a member that is missing', { text: 'x' }],
    ['a member of another type', { text: 7, fileName: 'l.yaml' }],
  ])('refuses %s with the reason', async (_, payload) => {
    const { app } = await start();
    const reply = await app.inject({ method: 'POST', url: `${API_PREFIX}/landscape`, headers: operator, payload });
    expect(reply.statusCode).toBe(400);
    expect(reply.json().error.code).toBe('bad-request');
    expect(reply.json().error.details.length).toBeGreaterThan(0);
  });

  it.each([
    ['text that is not JSON', '{"text":', 'application/json', 400],
    ['XML', '<x/>', 'text/xml', 415],
    ['bytes where JSON is wanted', 'x', 'application/octet-stream', 400],
  ])('refuses %s', async (_, payload, type, status) => {
    const { app, errors } = await start();
    const reply = await app.inject({
      method: 'POST',
      url: `${API_PREFIX}/landscape`,
      headers: { ...operator, 'content-type': type },
      payload,
    });
    expect(reply.statusCode).toBe(status);
    expect(reply.json().error.code).toBe('bad-request');
    expect(errors).toEqual([]);
  });

  it('refuses a body that is larger than any that it takes', async () => {
    const { app } = await start();
    const payload = { text: 'x'.repeat(17 * 1024 * 1024), fileName: 'l.yaml' };
    const reply = await app.inject({ method: 'POST', url: `${API_PREFIX}/landscape`, headers: operator, payload });
    expect(reply.statusCode).toBe(413);
    expect(reply.json().error.code).toBe('too-large');
  });

  it('hands on where in a file an error is', async () => {
    const details = [{ message: 'unknown key "hots"', file: 'l.yaml', line: 3, column: 1 }];
    const { app } = await start({
      landscape: {
        importLandscape: async () => err({ code: 'landscape-invalid', message: 'l.yaml has 1 error', details }),
      },
    });
    const payload = { text: 'x', fileName: 'l.yaml' };
    const reply = await app.inject({ method: 'POST', url: `${API_PREFIX}/landscape`, headers: operator, payload });
    expect(reply.statusCode).toBe(422);
    expect(reply.json()).toEqual({ error: { code: 'landscape-invalid', message: 'l.yaml has 1 error', details } });
  });

  it('says of an unexpected error only that there was one, and logs it', async () => {
    const { app, errors } = await start({
      hosts: {
        list: async () => {
          throw new Error('password=hunter2');
        },
      },
    });
    const reply = await app.inject({ url: `${API_PREFIX}/hosts`, headers: operator });
    expect(reply.statusCode).toBe(500);
    expect(reply.body).not.toContain('hunter2');
    expect(errors).toHaveLength(1);
  });

  it.each(['/hosts/nobody', '/runs/r99', `/plans/sha256:${'0'.repeat(64)}`, '/landscape'])(
    'answers 404 for %s and says what to do',
    async path => {
      const { app } = await start();
      const reply = await app.inject({ url: `${API_PREFIX}${path}`, headers: operator });
      expect(reply.statusCode).toBe(404);
      expect(reply.json().error).toMatchObject({ code: 'not-found', message: expect.stringContaining('tidemark') });
    },
  );
});

describe('waiting for events', () => {
  const event = (id: number) => ({
    id,
    at: AT,
    run: 'r1',
    host: 'web01',
    job: 'stop:orders-web',
    step: 'stop',
    event: 'started',
    attempt: 1,
    direction: 'forward' as const,
    message: '',
  });

  it('answers as soon as there is an event', async () => {
    let looks = 0;
    const { app } = await start({
      runs: { events: async () => ({ events: ++looks < 3 ? [] : [event(8)], ended: false }) },
    });
    const reply = await app.inject({ url: `${API_PREFIX}/runs/r1/events?after=7&wait=20`, headers: bearer('viewer') });
    expect(reply.json()).toMatchObject({ events: [{ id: 8, at: new Date(AT).toISOString() }], next: 8, ended: false });
  });

  it('answers with nothing when the time is over, and at once where no wait was asked for', async () => {
    const { app } = await start();
    for (const wait of ['0', '0.3']) {
      const reply = await app.inject({
        url: `${API_PREFIX}/runs/r1/events?after=7&wait=${wait}`,
        headers: bearer('viewer'),
      });
      expect(reply.json()).toEqual({ events: [], next: 7, ended: false });
    }
  });

  it('does not say that a run has ended while a page may follow', async () => {
    const { app } = await start({ runs: { events: async () => ({ events: [event(1), event(2)], ended: true }) } });
    const get = async (limit: number) =>
      (await app.inject({ url: `${API_PREFIX}/runs/r1/events?limit=${limit}`, headers: bearer('viewer') })).json()
        .ended;
    expect(await get(2)).toBe(false);
    expect(await get(3)).toBe(true);
  });

  it('refuses to wait for longer than it may', async () => {
    const { app } = await start();
    const reply = await app.inject({ url: `${API_PREFIX}/runs/r1/events?wait=3600`, headers: bearer('viewer') });
    expect(reply.statusCode).toBe(400);
  });
});

describe('uploads', () => {
  const content = Buffer.alloc(300_000, 'archive');
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const imported = {
    product: 'orders-web',
    version: '1.4.0',
    artifact: digest,
    bytes: content.length,
    unpackedBytes: 1,
    files: 1,
    unchanged: false,
  };
  const url = (given: string) => `${API_PREFIX}/signatures?name=orders-web-1.4.0.tar.gz&digest=${given}`;
  const headers = { ...bearer('operator'), 'content-type': 'application/octet-stream' };

  it('hands over a file with exactly the bytes that were sent, and deletes it afterwards', async () => {
    const seen: { name: string; same: boolean; file: string }[] = [];
    const { app, uploadDirectory } = await start({
      bundles: {
        importRelease: async ({ file, name }) => {
          seen.push({ name, same: readFileSync(file).equals(content), file });
          return ok(imported);
        },
      },
    });
    const reply = await app.inject({ method: 'POST', url: url(digest), headers, payload: content });
    expect(reply.statusCode).toBe(201);
    expect(reply.json()).toEqual(imported);
    expect(seen).toMatchObject([{ name: 'orders-web-1.4.0.tar.gz', same: true }]);
    expect(existsSync(seen[0]?.file ?? '')).toBe(false);
    expect(readdirSync(uploadDirectory)).toEqual([]);
  });

  it('never uses bytes that are not what was announced', async () => {
    const { app, uploadDirectory } = await start();
    const reply = await app.inject({
      method: 'POST',
      url: url(digest),
      headers,
      payload: Buffer.concat([content, Buffer.from('x')]),
    });
    expect(reply.statusCode).toBe(422);
    expect(reply.json().error.code).toBe('digest-mismatch');
    expect(readdirSync(uploadDirectory)).toEqual([]);
  });

  it('stops an archive that is too large', async () => {
    const { app, uploadDirectory } = await start({}, { maxArchiveBytes: 1_000 });
    const reply = await app.inject({ method: 'POST', url: url(digest), headers, payload: content });
    expect(reply.statusCode).toBe(413);
    expect(readdirSync(uploadDirectory)).toEqual([]);
  });

  it('refuses an upload without a digest, and JSON in place of an archive', async () => {
    const { app } = await start();
    const without = await app.inject({
      method: 'POST',
      url: `${API_PREFIX}/signatures?name=x.tar.gz`,
      headers,
      payload: content,
    });
    expect(without.statusCode).toBe(400);
    const json = await app.inject({ method: 'POST', url: url(digest), headers: bearer('operator'), payload: {} });
    expect(json.statusCode).toBe(415);
  });
});

describe('the OpenAPI document', () => {
  it('is version 3.1, has every route, and is as it was agreed on', async () => {
    const { app } = await start();
    const reply = await app.inject({ url: `${API_PREFIX}/openapi.json` });
    const document = reply.json();
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
      path => Object.values(path).map(operation => operation.operationId),
    );
    expect(operations.sort()).toEqual([...routeNames].sort());
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('../golden/openapi.golden.json');
  });
});
