import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { certificateRequest } from '@tidemark/agent/link/certificate-request.ts';
import { loadIdentity } from '@tidemark/agent/link/identity.ts';
import { authorityFrom, requestedKey } from '@tidemark/controller/enrolment/authority.ts';
import { openKeyFiles } from '@tidemark/controller/enrolment/key-files.ts';
import { CONTROLLER_SERVER_NAME } from '@tidemark/shared/protocol/limits.ts';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';
import { Night } from '../support/night.ts';
import { marksOf } from '../support/product.ts';

describe('what a server refuses, whoever asks', () => {
  let night: Night;

  beforeAll(async () => {
    night = await Night.prepare({
      hosts: [
        { name: 'one', product: 'alpha' },
        { name: 'two', product: 'beta' },
      ],
      waves: '    - {name: all, maxParallel: 2}',
    });
    night.startComponents();
  });

  afterAll(async () => {
    await night?.stop();
  });

  it('an order that was changed in the database after its approval: nothing of it runs, and a person is told', async () => {
    const { fleet } = night;
    await fleet.killAgent('one');
    const run = await night.begin();
    const sql = postgres({
      host: fleet.state('postgres', 'socket'),
      username: 'tidemark',
      database: 'tidemark',
      max: 1,
    });
    try {
      // What somebody would do who has the controller: the same order, with another program in it.
      const changed = await sql`
        update plan_orders set document = replace(document, '/opt/alpha/current/bin/alpha', '/opt/alpha/current/bin/other')
        where document like '%/opt/alpha/%' returning host_id`;
      expect(changed).toHaveLength(1);
    } finally {
      await sql.end();
    }
    fleet.startAgent('one');
    await until('somebody is told', async () =>
      (await fleet.cliJson<{ title: string }[]>('get', 'incidents')).some(({ title }) => /one refused/.test(title)),
    );
    await night.watch(run);
    expect(marksOf(fleet.root('one'), 'stop alpha')).toBe(0);
    expect(readlinkSync(night.deployed('one'))).toBe('releases/1.0.0');
    const started = (await night.events(run)).filter(({ host, event }) => host === 'one' && event === 'started');
    expect(started).toEqual([]);
  });

  it('a certificate of the same fleet and host by another authority, where its own is let in', async () => {
    const own = loadIdentity(night.fleet.agentState('two'));
    if (!own.ok) throw new Error(own.error);
    const foreign = await foreignCertificate(own.value.hostId);
    expect(await knock(night.fleet.ports.link, { key: own.value.keyPem, cert: own.value.chainPem })).toBe('answered');
    expect(await knock(night.fleet.ports.link, foreign)).not.toBe('answered');
  });
});

/** For the same fleet and host, by an authority that somebody else made. */
async function foreignCertificate(hostId: string): Promise<{ key: string; cert: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'tm-foreign-'));
  try {
    const files = await openKeyFiles({ stateDir: directory, fleet: 'test', nowMs: Date.now() });
    if (!files.ok) throw new Error(files.error);
    const authority = await authorityFrom(files.value);
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const requested = await requestedKey(certificateRequest(key));
    if (!requested.ok) throw new Error(requested.error);
    const { chain } = await authority.issueAgent({ publicKey: requested.value, hostId, nowMs: Date.now() });
    const pem = (der: Buffer) => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    return { key: key.export({ format: 'pem', type: 'pkcs8' }).toString(), cert: chain.map(pem).join('') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether the link port begins to speak HTTP/2 with who has this certificate. */
function knock(port: number, identity: { key: string; cert: string }): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: CONTROLLER_SERVER_NAME,
    ...identity,
    ALPNProtocols: ['h2'],
    // Only what the controller thinks of us is asked here.
    rejectUnauthorized: false,
  });
  return new Promise<string>(resolve => {
    socket.on('error', error => resolve(error.message));
    socket.on('close', () => resolve('closed'));
    socket.on('data', () => resolve('answered'));
  }).finally(() => socket.destroy());
}
