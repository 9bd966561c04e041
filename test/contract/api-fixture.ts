import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { RunView } from '@tidemark/controller/api/contract/runs.ts';
import { createApiServer } from '@tidemark/controller/api/server.ts';
import type { Authoriser, Principal, Services } from '@tidemark/controller/api/services.ts';
import { AT, sampleDocument, sampleForecast, samplePlan, sampleRun } from '@tidemark/controller/cli/testing/samples.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';

/** A self-made CA with a certificate for 127.0.0.1, as PEM. */
export async function makeCertificates(): Promise<{ ca: string; key: string; cert: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const newKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const caKeys = await newKeys();
  const serverKeys = await newKeys();
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    keys: caKeys,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  const server = await x509.X509CertificateGenerator.create({
    subject: 'CN=test controller',
    issuer: ca.subject,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return { ca: ca.toString('pem'), cert: server.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

/** Tokens by role: `viewer-token`, `operator-token`, and so on. */
export const fakeAuthoriser: Authoriser = {
  authorise: async token => {
    const role = /^(viewer|operator|approver|admin)-token$/.exec(token)?.[1];
    return role === undefined ? null : { name: `a ${role}`, role: role as Principal['role'] };
  },
};

type Partially = { [K in Exclude<keyof Services, 'changes'>]?: Partial<Services[K]> } & Partial<
  Pick<Services, 'changes'>
>;

/** Services that know one plan and one run; what a test does not give refuses to be called. */
export function fakeServices(given: Partially = {}): Services {
  const defaults: Partially = {
    system: { fleet: 'test-fleet', version: '0.0.0', health: async () => 'ok' },
    hosts: { list: async () => [], get: async () => null },
    landscape: { current: async () => null },
    plans: {
      plan: async () => ok({ digest: samplePlan.digest }),
      get: async digest =>
        digest === samplePlan.digest
          ? {
              digest,
              document: sampleDocument,
              approval: { approvals: [], needed: 1, complete: false },
              run: null,
            }
          : null,
      list: async () => [],
      forecast: async digest => (digest === samplePlan.digest ? sampleForecast : null),
    },
    runs: {
      apply: async () => err({ code: 'not-approved', message: 'the plan has 0 of 1 approvals' }),
      list: async () => [],
      view: async run => (run === 'r1' ? RunView.parse(sampleRun({})) : null),
      events: async () => ({ events: [], ended: false }),
    },
    incidents: { list: async () => [] },
  };
  const parts = [
    'system',
    'hosts',
    'enrolment',
    'landscape',
    'landscapeSources',
    'suggestions',
    'bundles',
    'signatures',
    'imports',
    'plans',
    'runs',
    'incidents',
    'verification',
    'identification',
    'queries',
    'risk',
    'access',
    'trust',
    'audit',
  ] as const;
  const services = Object.fromEntries(parts.map(part => [part, refusing(part, { ...defaults[part], ...given[part] })]));
  return {
    changes: async () => ({}),
    ...services,
    ...(given.changes && { changes: given.changes }),
  } as unknown as Services;
}

const refusing = (part: string, methods: object): object =>
  new Proxy(methods, {
    get: (target, name) => {
      if (name in target) return Reflect.get(target, name);
      throw new Error(`the test did not expect ${part}.${String(name)}`);
    },
  });

/** A server over fakes, with a directory of its own for uploads. */
export async function startFakeController(
  given: Partially = {},
  more: {
    tls?: { key: string; cert: string };
    maxArchiveBytes?: number;
    requestsPerMinute?: number;
    consoleDirectory?: string;
  } = {},
) {
  const uploadDirectory = mkdtempSync(join(tmpdir(), `tidemark-api-${randomUUID()}-`));
  const errors: unknown[] = [];
  const server = await createApiServer({
    services: fakeServices(given),
    authoriser: fakeAuthoriser,
    tls: more.tls ?? null,
    uploadDirectory,
    consoleDirectory: more.consoleDirectory ?? null,
    ...(more.maxArchiveBytes === undefined ? {} : { maxArchiveBytes: more.maxArchiveBytes }),
    ...(more.requestsPerMinute === undefined ? {} : { requestsPerMinute: more.requestsPerMinute }),
    onError: error => errors.push(error),
  });
  return {
    ...server,
    uploadDirectory,
    errors,
    close: async () => {
      await server.close();
      rmSync(uploadDirectory, { recursive: true, force: true });
    },
  };
}

export const bearer = (role: Principal['role']) => ({ authorization: `Bearer ${role}-token` });
export { AT };
