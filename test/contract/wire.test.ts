import { zstdCompressSync } from 'node:zlib';
import type { FromExecutor } from '@tidemark/agent/boundary/messages.ts';
import { toWire as agentToWire, readControllerMessage } from '@tidemark/agent/link/wire.ts';
import type { ToAgent } from '@tidemark/controller/link/messages.ts';
import { toWire as controllerToWire, readAgentMessage } from '@tidemark/controller/link/wire.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { MAX_SECTION_BYTES } from '@tidemark/shared/inventory/section.ts';
import { RefusalCode } from '@tidemark/shared/orders/refusal.ts';
import type { Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import { LinkService } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { MAX_REPORT_MESSAGE } from '@tidemark/shared/protocol/limits.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = LinkService.connect;

const bytes = (maxLength = 64) => fc.uint8Array({ maxLength }).map(array => Buffer.from(array));
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(array => Buffer.from(array));
const digest = hash.map((array): Digest => `sha256:${array.toString('hex')}`);
const uint32 = fc.nat(0xffff_ffff);
const uint53 = fc.nat(Number.MAX_SAFE_INTEGER);
const direction = fc.constantFrom('forward' as const, 'undo' as const);
const message = fc.string({ maxLength: 200 });
const code = fc.constantFrom(...RefusalCode.options);
// What JSON cannot hold (undefined, -0) is no fact.
const facts = fc.dictionary(fc.string(), fc.jsonValue()).map(value => JSON.parse(JSON.stringify(value)));

const reportBody: fc.Arbitrary<ReportBody> = fc.oneof(
  fc.record({ type: fc.constant('order-accepted' as const), orderDigest: digest }),
  fc.record({ type: fc.constant('order-refused' as const), orderDigest: digest, code, message }),
  fc.record({ type: fc.constant('dispatch-refused' as const), orderDigest: fc.option(digest), code, message }),
  fc.record({
    type: fc.constant('job' as const),
    orderDigest: digest,
    job: uint32,
    attempt: uint32,
    direction,
    kind: fc.constantFrom('started', 'succeeded', 'failed', 'missed', 'unknown', 'skipped', 'cancelled'),
    message,
    facts: fc.option(facts),
    output: fc.option(fc.record({ size: uint53, digest: hash, head: bytes(), tail: bytes() })),
  }),
  fc.record({
    type: fc.constant('amended' as const),
    ...{ orderDigest: digest, amendment: digest, action: fc.constantFrom('retry', 'skip', 'done'), job: fc.nat() },
    refused: fc.option(fc.record({ code: fc.constantFrom('not-now', 'not-approved'), message })),
  }),
  fc.record({
    type: fc.constant('amended' as const),
    ...{ orderDigest: digest, amendment: digest, action: fc.constant('undo' as const), job: fc.constant(null) },
    refused: fc.constant(null),
  }),
  fc.record({ type: fc.constant('order-finished' as const), orderDigest: digest, direction }),
);
const report: fc.Arbitrary<Report> = fc.record({
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  atMs: uint53,
  body: reportBody,
});

const overTheWire = (from: Exclude<FromExecutor, { type: 'artifact-wanted' }>) =>
  readAgentMessage(requestDeserialize(requestSerialize(agentToWire(from))));

describe('what an executor says arrives at the controller as it was said', () => {
  it('every report', () => {
    fc.assert(
      fc.property(report, said => {
        expect(overTheWire({ type: 'report', report: said })).toEqual({
          ok: true,
          value: { type: 'report', report: said },
        });
      }),
      { numRuns: 300 },
    );
  });

  it('standings, output, facts and scans', () => {
    const standing = fc.record({ orderDigest: digest, frontier: uint32, position: uint32, direction });
    fc.assert(
      fc.property(fc.array(standing, { maxLength: 5 }), standings => {
        expect(overTheWire({ type: 'standings', standings })).toEqual({
          ok: true,
          value: { type: 'standings', standings },
        });
      }),
    );
    const output = fc.record({ orderDigest: digest, job: uint32, attempt: uint32, offset: uint53, data: bytes() });
    fc.assert(
      fc.property(output, said => {
        expect(overTheWire({ type: 'output', ...said })).toEqual({ ok: true, value: { type: 'output', output: said } });
      }),
    );
    fc.assert(
      fc.property(fc.record({ request: message, atMs: uint53, facts }), said => {
        expect(overTheWire({ type: 'facts', ...said })).toEqual({ ok: true, value: { type: 'facts', facts: said } });
      }),
    );
    fc.assert(
      fc.property(fc.record({ request: message, result: fc.option(facts), message }), said => {
        expect(overTheWire({ type: 'dry-run', ...said })).toEqual({
          ok: true,
          value: { type: 'dry-run', dryRun: said },
        });
      }),
    );
    fc.assert(
      fc.property(fc.record({ scan: message, request: message, orderDigest: fc.option(digest) }), scan => {
        expect(overTheWire({ type: 'scan-ready', ...scan, directory: '/somewhere' })).toEqual({
          ok: true,
          value: { type: 'scan-ready', scan },
        });
      }),
    );
  });

  it('offers and sections', () => {
    const ref = fc.record({ kind: message, digest });
    fc.assert(
      fc.property(fc.record({ request: message, atMs: uint53, root: digest, sections: fc.array(ref) }), said => {
        const read = overTheWire({ type: 'facts-offer', ...said });
        expect(read).toEqual({ ok: true, value: { type: 'facts-offer', offer: said } });
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ kind: message, text: fc.json() })), sections => {
        expect(overTheWire({ type: 'sections', sections })).toEqual({
          ok: true,
          value: { type: 'sections', sections },
        });
      }),
    );
  });

  it.each<[string, Buffer]>([
    ['unpacks to more than a section may have', zstdCompressSync(Buffer.alloc(MAX_SECTION_BYTES + 1))],
    ['is not compressed', Buffer.from('{}')],
    ['is not UTF-8', zstdCompressSync(Buffer.of(0x22, 0xff, 0x22))],
  ])('a section that %s ends the stream, and nothing of it is unpacked beyond that', (_, text) => {
    const said = { body: { $case: 'sections' as const, value: { sections: [{ kind: 'os', text }] } } };
    expect(readAgentMessage(said)).toMatchObject({ ok: false, error: { field: 'sections.text' } });
  });

  it('an offer of more sections than there may be is refused', () => {
    const sections = Array.from({ length: 129 }, (_, at) => ({ kind: `k${at}`, digest: Buffer.alloc(32) }));
    const value = { request: '', atMs: 0, root: Buffer.alloc(32), sections };
    expect(readAgentMessage({ body: { $case: 'factsOffer', value } })).toMatchObject({ ok: false });
  });

  it('a message for people that is too long is cut, and not the reason to refuse a report', () => {
    const body: ReportBody = {
      type: 'order-refused',
      orderDigest: `sha256:${'0'.repeat(64)}`,
      code: 'bad-order',
      message: 'x'.repeat(MAX_REPORT_MESSAGE + 1),
    };
    const read = overTheWire({ type: 'report', report: { sequence: 1, atMs: 0, body } });
    expect(read).toMatchObject({ ok: true, value: { report: { body: { message: expect.stringMatching(/^x+…$/) } } } });
  });
});

describe('what the controller says arrives at the executor as it was said', () => {
  const proof = fc.record({ leafIndex: uint53, leafCount: uint53, path: fc.array(hash, { maxLength: 4 }) });
  const toAgent: fc.Arbitrary<ToAgent> = fc.oneof(
    fc.record({
      type: fc.constant('order-offer' as const),
      order: bytes(200),
      proof,
      approvals: fc.array(bytes(), { maxLength: 3 }),
    }),
    fc.record({ type: fc.constant('dispatch' as const), envelope: bytes() }),
    fc.record({
      type: fc.constant('observe-facts' as const),
      request: message,
      known: fc.option(digest),
    }),
    fc.record({ type: fc.constant('observe-scan' as const), request: message, profile: bytes(), envelope: bytes() }),
    fc.record({ type: fc.constant('observe-dry-run' as const), request: message, wish: bytes() }),
    fc.record({ type: fc.constant('secret-key' as const), envelope: bytes() }),
  );

  it('every message', () => {
    fc.assert(
      fc.property(toAgent, said => {
        const read = readControllerMessage(responseDeserialize(responseSerialize(controllerToWire(said))));
        const heard = said.type === 'observe-facts' ? { ...said, known: { root: said.known } } : said;
        expect(read).toEqual({ ok: true, value: heard });
      }),
    );
  });

  it.each([
    ['nothing that the agent knows', { body: undefined }],
    [
      'an order without a proof',
      { body: { $case: 'orderOffer', value: { order: Buffer.alloc(1), proof: undefined, approvals: [] } } },
    ],
    [
      'a proof with a hash of 31 bytes',
      {
        body: {
          $case: 'orderOffer',
          value: {
            order: Buffer.alloc(1),
            proof: { leafIndex: 0, leafCount: 2, path: [Buffer.alloc(31)] },
            approvals: [],
          },
        },
      },
    ],
    [
      'a heartbeat that would be a flood',
      { body: { $case: 'welcome', value: { protocol: 1, heartbeatMs: 1, acknowledged: 0 } } },
    ],
  ] as const)('%s is malformed', (_, said) => {
    expect(readControllerMessage(said as never)).toMatchObject({ ok: false, error: { name: 'Malformed' } });
  });
});

describe('bytes that nobody meant', () => {
  it('are refused or read, but never break the controller', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), noise => {
        let decoded: ReturnType<typeof requestDeserialize>;
        try {
          decoded = requestDeserialize(Buffer.from(noise));
        } catch {
          return;
        }
        expect(readAgentMessage(decoded)).toHaveProperty('ok');
      }),
      { numRuns: 2000 },
    );
  });

  it('also where they are a message with one byte changed', () => {
    fc.assert(
      fc.property(report, fc.nat(), fc.nat(255), (said, position, value) => {
        const wire = requestSerialize(agentToWire({ type: 'report', report: said }));
        wire[position % wire.length] = value;
        let decoded: ReturnType<typeof requestDeserialize>;
        try {
          decoded = requestDeserialize(wire);
        } catch {
          return;
        }
        expect(readAgentMessage(decoded)).toHaveProperty('ok');
      }),
      { numRuns: 1000 },
    );
  });
});
