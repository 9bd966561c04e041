import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { ArtifactService } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { EnrolmentService } from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import { FingerprintService } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { LinkService } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from './wire-samples.ts';

/*
 * The bytes on the wire, three ways: the generated code that the product uses, what it gave when it was first released
 * (wire.golden.json; an agent of then must understand a controller of now), and another implementation that reads the
 * .proto files itself. To take new messages up: TIDEMARK_GOLDEN=write vitest run --project contract test/golden.
 */

const GOLDEN = fileURLToPath(new URL('./wire.golden.json', import.meta.url));
const PROTO = fileURLToPath(new URL('../../proto/', import.meta.url));

interface Codec {
  path: string;
  requestSerialize: (value: never) => Buffer;
  requestDeserialize: (bytes: Buffer) => unknown;
  responseSerialize: (value: never) => Buffer;
  responseDeserialize: (bytes: Buffer) => unknown;
}
const GENERATED: Record<string, Record<string, Codec>> = {
  'tidemark.v1.Link': LinkService,
  'tidemark.v1.Enrolment': EnrolmentService,
  'tidemark.v1.Artifact': ArtifactService,
  'tidemark.v1.Fingerprint': FingerprintService,
};

const files = ['link', 'enrolment', 'artifact', 'fingerprint'].map(name => `tidemark/v1/${name}.proto`);
const oracle = loadSync(files, { includeDirs: [PROTO], keepCase: false, longs: Number, enums: Number, oneofs: true });

interface Case {
  title: string;
  sample: unknown;
  encode: (value: unknown) => Buffer;
  decode: (bytes: Buffer) => unknown;
  oracleEncode: (value: object) => Buffer;
  oracleDecode: (bytes: Buffer) => object;
}

const cases: Case[] = Object.entries(SAMPLES).flatMap(([service, methods]) =>
  Object.entries(methods).flatMap(([method, { requests, replies }]) => {
    const product = Object.values(GENERATED[service] ?? {}).find(({ path }) => path === `/${service}/${method}`);
    const other = (oracle[service] as ServiceDefinition | undefined)?.[method];
    if (product === undefined || other === undefined) throw new Error(`${service}/${method} is not there`);
    return [
      ...Object.entries(requests).map(([name, sample]) =>
        caseOf(`${method} request ${name}`, sample, product, other, 'request'),
      ),
      ...Object.entries(replies).map(([name, sample]) =>
        caseOf(`${method} reply ${name}`, sample, product, other, 'response'),
      ),
    ];
  }),
);

describe('the wire', () => {
  it('has a sample of every method', () => {
    const sampled = Object.entries(SAMPLES).flatMap(([service, methods]) =>
      Object.keys(methods).map(method => `/${service}/${method}`),
    );
    const served = Object.values(oracle).flatMap(definition =>
      'format' in definition ? [] : Object.values(definition as ServiceDefinition).map(({ path }) => path),
    );
    expect(sampled.sort()).toEqual(served.sort());
  });

  it('has a sample of every member of every oneof', () => {
    const sampled = new Set<string>();
    collectCases(SAMPLES, sampled);
    const named = files.flatMap(file => oneofMembers(readFileSync(`${PROTO}${file}`, 'utf8')));
    expect([...sampled].sort()).toEqual([...new Set(named)].sort());
  });

  it('carries the bytes that it always did', () => {
    const now = Object.fromEntries(cases.map(({ title, sample, encode }) => [title, encode(sample).toString('hex')]));
    if (process.env['TIDEMARK_GOLDEN'] === 'write') writeFileSync(GOLDEN, `${JSON.stringify(now, null, 2)}\n`);
    expect(now).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
  });

  it.each(cases)('is understood by itself: $title', ({ sample, encode, decode }) => {
    expect(decode(encode(sample))).toEqual(sample);
  });

  it.each(cases)('is understood by another implementation: $title', ({ sample, encode, oracleDecode }) => {
    expect(withoutOneofNames(oracleDecode(encode(sample)))).toEqual(flat(sample));
  });

  it.each(cases)('understands another implementation: $title', ({ sample, decode, oracleEncode }) => {
    expect(decode(oracleEncode(flat(sample) as object))).toEqual(sample);
  });
});

function caseOf(
  title: string,
  sample: unknown,
  product: Codec,
  other: MethodDefinition<object, object>,
  direction: 'request' | 'response',
): Case {
  const request = direction === 'request';
  return {
    title,
    sample,
    encode: value => (request ? product.requestSerialize : product.responseSerialize)(value as never),
    decode: request ? product.requestDeserialize : product.responseDeserialize,
    oracleEncode: request ? other.requestSerialize : other.responseSerialize,
    oracleDecode: request ? other.requestDeserialize : other.responseDeserialize,
  };
}

/** `{body: {$case: 'hello', value}}` -> `{hello: value}`, as the .proto file has it. */
function flat(value: unknown): unknown {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(flat);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      isCase(member) ? [member.$case, flat(member.value)] : [key, flat(member)],
    ),
  );
}

const isCase = (value: unknown): value is { $case: string; value: unknown } =>
  typeof value === 'object' && value !== null && '$case' in value;

/** The oracle adds a member `body` that names the oneof's case; the case itself says it. */
function withoutOneofNames(value: unknown): unknown {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutOneofNames);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => !(key === 'body' && typeof member === 'string'))
      .map(([key, member]) => [key, withoutOneofNames(member)]),
  );
}

function collectCases(value: unknown, into: Set<string>): void {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return;
  if (isCase(value)) into.add(value.$case);
  for (const member of Object.values(value)) collectCases(member, into);
}

/** Names of the members of all oneofs of a .proto file, in camel case. */
function oneofMembers(proto: string): string[] {
  const bodies = [...proto.matchAll(/oneof \w+ \{([^}]*)\}/g)].map(([, body]) => body ?? '');
  return bodies.flatMap(body =>
    [...body.matchAll(/^\s*\w+ (\w+) = \d+;/gm)].map(([, name]) =>
      (name ?? '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    ),
  );
}
