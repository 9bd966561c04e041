import { X509Certificate } from 'node:crypto';
import { credentials, status } from '@grpc/grpc-js';
import { certificateRequest } from '@tidemark/agent/link/certificate-request.ts';
import type { LinkStream } from '@tidemark/agent/link/connection.ts';
import { CHANNEL_OPTIONS } from '@tidemark/agent/link/grpc.ts';
import type { Identity } from '@tidemark/agent/link/identity.ts';
import { AUTHORISATION } from '@tidemark/controller/link/authorisation.ts';
import { ArtifactService } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { EnrolmentClient, EnrolmentService } from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import { FingerprintService } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { LinkService } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { describe, expect, it } from 'vitest';
import { type Fleet, openAuthority } from '../support/fleet-link.ts';
import { eagerSleep, HELLO, linkFixture, statusOf } from '../support/link-fixture.ts';

const { fleetWith, linkFor, rawClient, toClose } = linkFixture();

describe('who may call', () => {
  const services = [LinkService, EnrolmentService, ArtifactService, FingerprintService];
  const paths = services.flatMap(service => Object.values(service).map(method => method.path as string));

  it('is written down for every RPC that there is, and for no other', () => {
    expect(Object.keys(AUTHORISATION).sort()).toEqual(paths.sort());
  });

  const agentPaths = paths.filter(path => AUTHORISATION[path as keyof typeof AUTHORISATION] === 'agent');
  it.each(agentPaths)('%s is not served where no certificate is needed', async path => {
    const fleet = await fleetWith();
    const client = new EnrolmentClient(
      fleet.enrolmentAddress,
      credentials.createSsl(Buffer.from(fleet.authority.rootPem)),
      CHANNEL_OPTIONS,
    );
    toClose.push(() => client.close());
    const stream = client.makeBidiStreamRequest(
      path,
      (value: Buffer) => value,
      (value: Buffer) => value,
    );
    const ended = statusOf(stream as unknown as LinkStream);
    stream.end();
    expect(await ended).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  async function attempt(fleet: Fleet, identity: { keyPem: string; chainPem: string }) {
    const stream = rawClient(fleet, identity).connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    const end = await ended;
    expect(fleet.heard.all).toEqual([]);
    return end;
  }

  it('is nobody with a certificate of another authority', async () => {
    const fleet = await fleetWith();
    const { hostId, identity } = await fleet.agent('db01');
    const stranger = await openAuthority(`${fleet.dir}/stranger`, 'test', fleet.clock);
    const forged = await stranger.issueAgent({ publicKey: publicKeyOf(identity), hostId, nowMs: fleet.clock.now() });
    const end = await attempt(fleet, { keyPem: identity.keyPem, chainPem: pem(forged.chain) });
    expect(end.code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with the certificate of a server', async () => {
    const fleet = await fleetWith();
    const server = await fleet.authority.issueServer({ commonName: 'x', names: ['x'], nowMs: fleet.clock.now() });
    expect((await attempt(fleet, server)).code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with a certificate that has expired', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-25 * 3_600_000);
    const agent = await fleet.agent('db01');
    fleet.clock.reset();
    expect((await attempt(fleet, agent.identity)).code).toBe(status.UNAVAILABLE);
  });

  it('is nobody with a certificate that the controller did not write down', async () => {
    const fleet = await fleetWith();
    const { hostId, identity } = await fleet.agent('db01');
    const unknown = await fleet.authority.issueAgent({
      publicKey: publicKeyOf(identity),
      hostId,
      nowMs: fleet.clock.now(),
    });
    const end = await attempt(fleet, { keyPem: identity.keyPem, chainPem: pem(unknown.chain) });
    expect(end).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('does not know') });
  });

  it.each(['evict', 'ban'] as const)(
    'is no host after an %s: its stream is cut and it does not come back',
    async how => {
      const fleet = await fleetWith();
      const agent = await fleet.agent('db01');
      const stream = rawClient(fleet, agent.identity).connect();
      const ended = statusOf(stream);
      stream.write(HELLO);
      await fleet.heard.until(({ call }) => call === 'hello');
      expect(await fleet.enrolment[how]({ host: 'db01', by: 'test' })).toMatchObject({ ok: true });
      expect(await ended).toMatchObject({ code: status.UNAUTHENTICATED });
      const again = rawClient(fleet, agent.identity).connect();
      again.write(HELLO);
      expect(await statusOf(again)).toMatchObject({
        code: status.UNAUTHENTICATED,
        details: expect.stringContaining('no longer part of the fleet'),
      });
      const token = await fleet.enrolment.issueToken({ hostName: 'db01', by: 'test' });
      expect(token.ok).toBe(how === 'evict');
    },
  );

  it('is no host whose certificate ends while its stream is open', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const stream = rawClient(fleet, agent.identity).connect();
    const ended = statusOf(stream);
    stream.write(HELLO);
    await fleet.heard.until(({ call }) => call === 'hello');
    fleet.clock.jump(24 * 3_600_000);
    expect(await ended).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('expired') });
  });
});

describe('a certificate', () => {
  it('is renewed at half of its life, and the agent goes on with the new one', async () => {
    const fleet = await fleetWith();
    const agent = await fleet.agent('db01');
    const before = agent.identity.notAfterMs;
    const asked: number[] = [];
    // The agent's clock is half a day ahead, and stays so: the new certificate looks as old as the one before.
    const { link, heard } = linkFor(agent, {
      clock: { now: () => Date.now() + 12 * 3_600_000, monotonic: () => performance.now() },
      sleep: eagerSleep(asked),
    });
    await heard.until(() => heard.all.filter(message => message.type === 'connected').length === 2);
    expect(link.status().certificateNotAfterMs).toBeGreaterThanOrEqual(before);
    const serials = new Set(fleet.heard.all.filter(({ call }) => call === 'hello').map(({ caller }) => caller.serial));
    expect(serials.size).toBe(2);
    // It does not go on renewing: it waits, as long as it ever does, before it looks again.
    expect(asked).toContain(30_000);
  });

  it('that expired while the agent was away is renewed by its key', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-30 * 3_600_000);
    const agent = await fleet.agent('db01');
    fleet.clock.reset();
    expect(agent.identity.notAfterMs).toBeLessThan(Date.now());
    const { link, heard } = linkFor(agent);
    await heard.until(message => message.type === 'connected');
    expect(link.status().certificateNotAfterMs).toBeGreaterThan(Date.now());
  });

  it('that expired is not renewed for an evicted host, nor by another key', async () => {
    const fleet = await fleetWith();
    fleet.clock.forward(-30 * 3_600_000);
    const agent = await fleet.agent('db01');
    const other = await fleet.agent('db02');
    fleet.clock.reset();
    const certificate = new X509Certificate(agent.identity.chainPem).raw;
    const byOther = await fleet.enrolment.renewExpired({
      certificate,
      csr: certificateRequest(other.identity.privateKey),
    });
    expect(byOther).toMatchObject({ ok: false, error: { code: 'request-invalid' } });
    await fleet.enrolment.evict({ host: 'db01', by: 'test' });
    const evicted = await fleet.enrolment.renewExpired({
      certificate,
      csr: certificateRequest(agent.identity.privateKey),
    });
    expect(evicted).toMatchObject({ ok: false, error: { code: 'certificate-refused' } });
  });
});

function publicKeyOf(identity: Identity): Buffer {
  return new X509Certificate(identity.chainPem).publicKey.export({
    format: 'der',
    type: 'spki',
  });
}

function pem(chain: readonly Buffer[]): string {
  return chain
    .map(der => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----`)
    .join('\n');
}
