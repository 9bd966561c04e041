import { createServer, type Server } from 'node:http';
import { isRefusedAddress, ownIdentity, resolveTarget } from '@tidemark/agent/platform/network-target.ts';
import { checkHttp } from '@tidemark/agent/steps/check-http.ts';
import { checkTcp } from '@tidemark/agent/steps/check-tcp.ts';
import { commandShell } from '@tidemark/agent/steps/command.ts';
import { manualTask } from '@tidemark/agent/steps/manual.ts';
import { type StepFixture, stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/* What checks over the network reach and what they do not, with real servers; and the two steps that people write themselves. */

let fixture: StepFixture;
const servers: Server[] = [];

beforeEach(() => {
  fixture = stepFixture();
});

afterEach(async () => {
  fixture.close();
  for (const server of servers.splice(0)) await new Promise(resolve => server.close(resolve));
});

/** A server that says where it was asked. */
async function serve(answer: (path: string) => { status: number; location?: string }) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const { status, location } = answer(request.url ?? '');
    response.writeHead(status, location === undefined ? {} : { location }).end('well');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return { asked, port: address.port };
}

const http = (url: string, more: Partial<Parameters<typeof checkHttp>[0]> = {}) =>
  checkHttp({ url, expectStatus: 200, expectText: null, withinMs: 0, ...more }, fixture.context);

describe('check/http', () => {
  it('reads the page of this server, by address and by name', async () => {
    const { port, asked } = await serve(() => ({ status: 200 }));
    expect((await http(`http://127.0.0.1:${port}/a`, { expectText: 'well' })).message).toContain('status 200');
    expect((await http(`http://localhost:${port}/b`)).message).toContain('status 200');
    expect(asked).toEqual(['/a', '/b']);
  });

  it('follows no redirect', async () => {
    const other = await serve(() => ({ status: 200 }));
    const { port } = await serve(() => ({ status: 302, location: `http://127.0.0.1:${other.port}/secret` }));
    await expect(http(`http://127.0.0.1:${port}/`)).rejects.toThrow(/status 302; status 200 is expected/);
    expect((await http(`http://127.0.0.1:${port}/`, { expectStatus: 302 })).message).toContain('status 302');
    expect(other.asked).toEqual([]);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://0/',
    'http://2852039166/',
    'http://100.100.100.200/',
    'http://[fd00:ec2::254]/',
  ])('does not reach %s, though a policy let it through', async url => {
    await expect(http(url)).rejects.toThrow(/is an address that no check may reach/);
  });
});

describe('check/tcp', () => {
  it.each(['169.254.169.254', '::ffff:a9fe:a9fe', '224.0.0.1', '0', '2852039166'])('does not reach %s', async host => {
    const check = checkTcp({ host, port: 80, withinMs: 0 }, fixture.context);
    await expect(check).rejects.toThrow(/is an address that no check may reach|nobody knows that name/);
  });

  it('says that nobody knows a name', async () => {
    const check = checkTcp({ host: 'nobody.invalid', port: 80, withinMs: 0 }, fixture.context);
    await expect(check).rejects.toThrow(/nobody knows that name|EAI_AGAIN/);
  });
});

describe('what a name leads to', () => {
  it('is asked once, and is this server where the name is', async () => {
    const found = await resolveTarget('localhost');
    expect(found.length).toBeGreaterThan(0);
    const { addresses } = ownIdentity();
    for (const { address } of found) expect([...addresses, '127.0.0.1', '::1']).toContain(address);
  });

  it.each(['10.1.2.3', '127.0.0.1', '192.168.1.1', '8.8.8.8', 'fd00::1', '2001:db8::1', '::1'])('may be %s', address =>
    expect(isRefusedAddress(address)).toBe(false),
  );
});

describe('command/shell', () => {
  const shell = (script: string, expectStatus = [0]) => commandShell({ script, expectStatus }, fixture.context);

  it('runs text by the shell of the server, and says how it ended', async () => {
    const done = await shell('x=1; [ "$x" = 1 ] && exit 3', [3]);
    expect(done).toMatchObject({ facts: { status: 3 } });
    await expect(shell('echo "no room" >&2\nexit 4')).rejects.toThrow(
      /the script "echo \\"no room\\" >&2..." failed: exit status 4.*no room/,
    );
  });

  it('knows nothing of the environment of the agent', async () => {
    process.env['TIDEMARK_TEST_SECRET'] = 'x';
    const end = await shell('[ -z "$TIDEMARK_TEST_SECRET" ]');
    delete process.env['TIDEMARK_TEST_SECRET'];
    expect(end.facts).toMatchObject({ status: 0 });
  });
});

describe('manual/task', () => {
  it('ends without success at once, and says what waits for whom', () => {
    const args = { instructions: 'Look at the lamp.\n', who: 'ada', evidence: 'a photograph', expectedMs: 1 };
    expect(() => manualTask(args, fixture.context)).toThrow(
      'waits for ada to do this and sign it off: Look at the lamp.; the sign-off must name a photograph',
    );
  });
});
