import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { enrol } from '@tidemark/agent/link/enrol.ts';
import { loadIdentity } from '@tidemark/agent/link/identity.ts';
import { CONTROLLER_SERVER_NAME } from '@tidemark/shared/protocol/limits.ts';
import { encodeToken, parseToken } from '@tidemark/shared/protocol/token.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, openAuthority, startFleet } from '../support/fleet-link.ts';

const MINUTE_MS = 60_000;

let fleet: Fleet;
let hosts = 0;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clock.reset());
afterAll(() => fleet.close());

const newName = () => `host${++hosts}`;
const stateDirOf = (name: string) => join(fleet.dir, name);

async function tokenFor(hostName: string): Promise<string> {
  const token = await fleet.enrolment.issueToken({ hostName, by: 'test' });
  if (!token.ok) throw new Error(token.error.message);
  return token.value.token;
}

const enrolWith = (token: string, stateDir: string, controller = fleet.enrolmentAddress) =>
  enrol({ controller, token, stateDir, hostName: 'some-server' });

describe('a server with a token', () => {
  it('gets an identity that names it, whose key never left it', async () => {
    const name = newName();
    const enrolled = await enrolWith(await tokenFor(name), stateDirOf(name));
    expect(enrolled).toMatchObject({ ok: true, value: { fleet: 'test', linkAddress: `127.0.0.1:${fleet.linkPort}` } });
    const identity = loadIdentity(stateDirOf(name));
    if (!enrolled.ok || !identity.ok) throw new Error('not enrolled');
    expect(identity.value.hostId).toBe(enrolled.value.hostId);
    expect(identity.value.dispatchKey.equals(fleet.authority.dispatchPublicKey)).toBe(true);
    expect(statSync(join(stateDirOf(name), 'identity/key.pem')).mode & 0o777).toBe(0o600);
    expect(readdirSync(stateDirOf(name))).toEqual(['identity']);
    const life = identity.value.notAfterMs - fleet.clock.now();
    expect(life).toBeGreaterThan(23 * 60 * MINUTE_MS);
    expect(life).toBeLessThanOrEqual(24 * 60 * MINUTE_MS);
  });

  it('is the host that the token names, whatever it calls itself', async () => {
    const name = newName();
    const enrolled = await enrolWith(await tokenFor(name), stateDirOf(name));
    const host = (await fleet.enrolment.hosts()).find(candidate => candidate.name === name);
    expect(enrolled.ok && enrolled.value.hostId).toBe(host?.hostId);
  });

  it('is told that it is enrolled already, and keeps what it has', async () => {
    const name = newName();
    await enrolWith(await tokenFor(name), stateDirOf(name));
    const key = readFileSync(join(stateDirOf(name), 'identity/key.pem'), 'utf8');
    const again = await enrolWith(await tokenFor(newName()), stateDirOf(name));
    expect(again).toMatchObject({ ok: false, error: { code: 'already-enrolled' } });
    expect(readFileSync(join(stateDirOf(name), 'identity/key.pem'), 'utf8')).toBe(key);
  });

  it('gets its identity at the second try when the first reply was lost', async () => {
    const name = newName();
    const token = await tokenFor(name);
    const first = await enrolWith(token, stateDirOf(name));
    // As after a crash between the controller's commit and the rename: the key is there, the certificate is not.
    const { id } = parsed(token);
    const fs = await import('node:fs/promises');
    await fs.rename(join(stateDirOf(name), 'identity'), join(stateDirOf(name), `enrolling-${id}`));
    await fs.rm(join(stateDirOf(name), `enrolling-${id}`, 'chain.pem'));
    fleet.clock.forward(4 * MINUTE_MS);
    const second = await enrolWith(token, stateDirOf(name));
    expect(second).toEqual(first);
    expect(second.ok).toBe(true);
  });
});

describe('a token is refused', () => {
  it('when another key used it before, and the second server keeps nothing', async () => {
    const name = newName();
    const token = await tokenFor(name);
    await enrolWith(token, stateDirOf(name));
    const thief = await enrolWith(token, stateDirOf('thief'));
    expect(thief).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect(!thief.ok && thief.error.message).toContain('used before');
    expect(existsSync(stateDirOf('thief')) ? readdirSync(stateDirOf('thief')) : []).toEqual([]);
  });

  it('when the same key comes back after five minutes', async () => {
    const name = newName();
    const token = await tokenFor(name);
    await enrolWith(token, stateDirOf(name));
    const fs = await import('node:fs/promises');
    await fs.rename(join(stateDirOf(name), 'identity'), join(stateDirOf(name), `enrolling-${parsed(token).id}`));
    fleet.clock.forward(6 * MINUTE_MS);
    expect(await enrolWith(token, stateDirOf(name))).toMatchObject({ ok: false, error: { code: 'refused' } });
  });

  it('when it has expired', async () => {
    const token = await tokenFor(newName());
    fleet.clock.forward(11 * MINUTE_MS);
    const late = await enrolWith(token, stateDirOf('late'));
    expect(!late.ok && late.error.message).toContain('expired');
  });

  it('with the same words whether its id or its secret is wrong', async () => {
    const token = parsed(await tokenFor(newName()));
    const wrongId = encodeToken({ ...token, id: '0'.repeat(16) });
    const wrongSecret = encodeToken({ ...token, secret: Buffer.alloc(32) });
    const answers = [await enrolWith(wrongId, stateDirOf('a')), await enrolWith(wrongSecret, stateDirOf('b'))];
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ ok: false, error: { code: 'refused' } });
  });

  it('before anything is sent where it is no token at all', async () => {
    expect(await enrolWith('tm1_nonsense', stateDirOf('x'))).toMatchObject({ ok: false, error: { code: 'bad-token' } });
  });

  it('for a host that is enrolled: two servers would have one name', async () => {
    const name = newName();
    await enrolWith(await tokenFor(name), stateDirOf(name));
    const second = await fleet.enrolment.issueToken({ hostName: name, by: 'test' });
    expect(second).toMatchObject({ ok: false, error: { code: 'host-enrolled' } });
  });
});

describe('the token goes to no other server', () => {
  it('than the one whose key it names', async () => {
    const stranger = await openAuthority(join(fleet.dir, 'stranger'), 'test', fleet.clock);
    const certificate = await stranger.issueServer({
      commonName: 'controller',
      names: [CONTROLLER_SERVER_NAME, '127.0.0.1'],
      nowMs: fleet.clock.now(),
    });
    await withTlsServer(certificate, async (port, received) => {
      const refused = await enrolWith(await tokenFor(newName()), stateDirOf('y'), `127.0.0.1:${port}`);
      expect(refused).toMatchObject({ ok: false, error: { code: 'wrong-authority' } });
      expect(received()).toBe(0);
    });
  });

  it('than one that has a certificate for its key: the root alone, without the key below it, is not enough', async () => {
    const stranger = await openAuthority(join(fleet.dir, 'stranger2'), 'test', fleet.clock);
    const certificate = await stranger.issueServer({
      commonName: 'controller',
      names: [CONTROLLER_SERVER_NAME],
      nowMs: fleet.clock.now(),
    });
    // Shows the true root behind its own chain.
    const [leaf, intermediate] = certificate.chainPem.split(/(?=-----BEGIN)/);
    const chainPem = [leaf, intermediate, fleet.authority.rootPem].join('\n');
    await withTlsServer({ keyPem: certificate.keyPem, chainPem }, async (port, received) => {
      const refused = await enrolWith(await tokenFor(newName()), stateDirOf('z'), `127.0.0.1:${port}`);
      expect(!refused.ok && refused.error.message).toContain('Nothing was sent to it');
      expect(received()).toBe(0);
    });
  });

  it('than one with the controller key usage: an agent of the fleet is no controller', async () => {
    const agent = await fleet.agent(newName());
    const chainPem = `${agent.identity.chainPem}\n${fleet.authority.rootPem}`;
    await withTlsServer({ keyPem: agent.identity.keyPem, chainPem }, async (port, received) => {
      const refused = await enrolWith(await tokenFor(newName()), stateDirOf('w'), `127.0.0.1:${port}`);
      expect(!refused.ok && refused.error.message).toContain('unsuitable certificate purpose');
      expect(refused).toMatchObject({ error: { code: 'wrong-authority' } });
      expect(received()).toBe(0);
    });
  });
});

describe('a controller that is not there', () => {
  it('is said to be unreachable, and where', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise(resolve => server.close(resolve));
    const refused = await enrolWith(await tokenFor(newName()), stateDirOf('q'), `127.0.0.1:${port}`);
    expect(refused).toMatchObject({ ok: false, error: { code: 'unreachable' } });
    expect(!refused.ok && refused.error.message).toContain(`127.0.0.1:${port}`);
    expect(!refused.ok && refused.error.message).toContain('ECONNREFUSED');
  });

  it.each(['controller', 'http://controller:1', 'controller:0', 'controller:70000', ''])(
    'has no address like "%s"',
    async controller => {
      const refused = await enrolWith(await tokenFor(newName()), stateDirOf('q'), controller);
      expect(refused).toMatchObject({ ok: false, error: { code: 'bad-address' } });
    },
  );
});

describe('the authority', () => {
  it('is made once, also by two at once, and its keys are for the controller alone', async () => {
    const dir = join(fleet.dir, 'twice');
    const [a, b] = await Promise.all([1, 2].map(() => openAuthority(dir, 'f', fleet.clock)));
    expect(a?.rootKeyHash).toEqual(b?.rootKeyHash);
    expect((await openAuthority(dir, 'f', fleet.clock)).rootKeyHash).toEqual(a?.rootKeyHash);
    expect(statSync(join(dir, 'keys')).mode & 0o777).toBe(0o700);
    const keys = readdirSync(join(dir, 'keys')).filter(name => name.endsWith('.key.pem'));
    expect(keys).toHaveLength(4);
    for (const name of keys) expect(statSync(join(dir, 'keys', name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir).sort()).toEqual(['ca.pem', 'keys']);
  });

  it('works without the key of its root, which may lie in a safe', async () => {
    const dir = join(fleet.dir, 'offline');
    await openAuthority(dir, 'f', fleet.clock);
    rmSync(join(dir, 'keys/ca-root.key.pem'));
    const authority = await openAuthority(dir, 'f', fleet.clock);
    await expect(
      authority.issueServer({ commonName: 'c', names: ['localhost'], nowMs: fleet.clock.now() }),
    ).resolves.toBeDefined();
  });

  it.each([
    ['another fleet', () => {}, 'g', /of fleet "f"/],
    ['a fleet without a name', () => {}, 'My Fleet', /no name for a fleet/],
    ['a key that is gone', (dir: string) => rmSync(join(dir, 'keys/dispatch.key.pem')), 'f', /cannot read .*dispatch/],
    [
      'a key that others can read',
      (dir: string) => {
        const file = join(dir, 'keys/dispatch.key.pem');
        const text = readFileSync(file);
        rmSync(file);
        writeFileSync(file, text, { mode: 0o644 });
      },
      'f',
      /chmod 600/,
    ],
  ])('refuses %s', async (what, damage, name, message) => {
    const dir = join(fleet.dir, what.replaceAll(' ', '-'));
    await openAuthority(dir, 'f', fleet.clock);
    damage(dir);
    await expect(openAuthority(dir, name, fleet.clock)).rejects.toThrow(message);
  });
});

function parsed(token: string) {
  const read = parseToken(token);
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

/** A TLS server that counts the bytes it is sent. */
async function withTlsServer(
  certificate: { keyPem: string; chainPem: string },
  use: (port: number, received: () => number) => Promise<void>,
): Promise<void> {
  let bytes = 0;
  const server = createTlsServer({ key: certificate.keyPem, cert: certificate.chainPem, ALPNProtocols: ['h2'] });
  server.on('secureConnection', socket => {
    socket.on('error', () => {});
    socket.on('data', data => {
      bytes += data.length;
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    await use(typeof address === 'object' ? (address?.port ?? 0) : 0, () => bytes);
  } finally {
    server.close();
  }
}
