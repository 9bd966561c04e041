import { zstdCompressSync } from 'node:zlib';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { OrderStanding, Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import {
  digestFromWire,
  digestToWire,
  directionToWire,
  jobEventToWire,
  type KnownInventory,
  knownFromWire,
  Malformed,
  objectToWire,
  optionalDigestToWire,
  proofFromWire,
  reading,
} from '@tidemark/shared/protocol/codec.ts';
import type {
  AgentMessage,
  ControllerMessage,
  Report as WireReport,
  OrderStanding as WireStanding,
} from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { MAX_REPORT_MESSAGE } from '@tidemark/shared/protocol/limits.ts';
import type { FromExecutor, ToExecutor } from '../boundary/messages.ts';

/** What the link keeps for itself of what the controller says. */
export interface ForLink {
  type: 'welcome';
  protocol: number;
  heartbeatMs: number;
  acknowledged: number;
  known: KnownInventory;
}

/** What goes through the link as it is. */
export type ForExecutor = Extract<
  ToExecutor,
  {
    type:
      | 'order-offer'
      | 'dispatch'
      | 'amendment'
      | 'acknowledge'
      | 'output-credit'
      | 'observe-facts'
      | 'want-sections'
      | 'observe-scan'
      | 'observe-dry-run'
      | 'secret-key';
  }
>;

/** Reads a message of the controller. What stands in orders and dispatches is verified by the executor, not here. */
export const readControllerMessage = (message: ControllerMessage): Result<ForLink | ForExecutor, Malformed> =>
  reading(() => fromController(message));

function fromController({ body }: ControllerMessage): ForLink | ForExecutor {
  switch (body?.$case) {
    case 'welcome':
      if (body.value.heartbeatMs < 1000)
        throw new Malformed('welcome.heartbeat_ms', `${body.value.heartbeatMs}, at least 1000 must be`);
      return {
        type: 'welcome',
        protocol: body.value.protocol,
        heartbeatMs: body.value.heartbeatMs,
        acknowledged: body.value.acknowledged,
        known: knownFromWire(body.value.inventory, 'welcome.inventory'),
      };
    case 'orderOffer':
      return {
        type: 'order-offer',
        order: body.value.order,
        proof: proofFromWire(body.value.proof, 'order_offer.proof'),
        approvals: body.value.approvals,
      };
    case 'dispatch':
      return { type: 'dispatch', envelope: body.value.envelope };
    case 'amendment':
      return { type: 'amendment', envelope: body.value.envelope };
    case 'acknowledge':
      return { type: 'acknowledge', sequence: body.value.sequence };
    case 'outputCredit':
      return { type: 'output-credit', bytes: body.value.bytes };
    case 'observeFacts':
      return {
        type: 'observe-facts',
        request: body.value.request,
        known: knownFromWire(body.value.known, 'observe_facts.known'),
      };
    case 'wantSections':
      return {
        type: 'want-sections',
        digests: body.value.digests.map(digest => digestFromWire(digest, 'want_sections.digests')),
      };
    case 'observeScan':
      return { type: 'observe-scan', ...body.value };
    case 'observeDryRun':
      return { type: 'observe-dry-run', ...body.value };
    case 'secretKey':
      return { type: 'secret-key', envelope: body.value.envelope };
    case undefined:
      throw new Malformed('body', 'is none of the messages that this agent knows');
  }
}

/** What the executor says that goes to the controller as it is; the rest is work for the link. */
export type ForController = Exclude<FromExecutor, { type: 'artifact-wanted' }>;

export function toWire(message: ForController): AgentMessage {
  switch (message.type) {
    case 'standings':
      return { body: { $case: 'standings', value: { standings: message.standings.map(standingToWire) } } };
    case 'report':
      return { body: { $case: 'report', value: reportToWire(message.report) } };
    case 'output':
      return {
        body: {
          $case: 'output',
          value: {
            orderDigest: digestToWire(message.orderDigest),
            job: message.job,
            attempt: message.attempt,
            offset: message.offset,
            data: Buffer.from(message.data),
          },
        },
      };
    case 'facts':
      return {
        body: {
          $case: 'facts',
          value: { request: message.request, atMs: message.atMs, json: objectToWire(message.facts) },
        },
      };
    case 'facts-offer':
      return {
        body: {
          $case: 'factsOffer',
          value: {
            request: message.request,
            atMs: message.atMs,
            root: digestToWire(message.root),
            sections: message.sections.map(({ kind, digest }) => ({ kind, digest: digestToWire(digest) })),
          },
        },
      };
    case 'sections':
      return {
        body: {
          $case: 'sections',
          value: { sections: message.sections.map(({ kind, text }) => ({ kind, text: zstdCompressSync(text) })) },
        },
      };
    case 'scan-ready':
      return {
        body: {
          $case: 'scanReady',
          value: {
            scan: message.scan,
            request: message.request,
            orderDigest: optionalDigestToWire(message.orderDigest),
          },
        },
      };
    case 'scan-failed':
      return { body: { $case: 'scanFailed', value: { request: message.request, message: clip(message.message) } } };
    case 'dry-run':
      return {
        body: {
          $case: 'dryRun',
          value: {
            request: message.request,
            json: objectToWire(message.result),
            message: clip(message.message),
          },
        },
      };
  }
}

const standingToWire = (standing: OrderStanding): WireStanding => ({
  orderDigest: digestToWire(standing.orderDigest),
  frontier: standing.frontier,
  position: standing.position,
  direction: directionToWire(standing.direction),
});

const reportToWire = (report: Report): WireReport => ({
  sequence: report.sequence,
  atMs: report.atMs,
  body: reportBodyToWire(report.body),
});

function reportBodyToWire(body: ReportBody): WireReport['body'] {
  switch (body.type) {
    case 'order-accepted':
      return { $case: 'orderAccepted', value: { orderDigest: digestToWire(body.orderDigest) } };
    case 'order-refused':
      return {
        $case: 'orderRefused',
        value: { orderDigest: digestToWire(body.orderDigest), code: body.code, message: clip(body.message) },
      };
    case 'dispatch-refused':
      return {
        $case: 'dispatchRefused',
        value: { orderDigest: optionalDigestToWire(body.orderDigest), code: body.code, message: clip(body.message) },
      };
    case 'amended':
      return {
        $case: 'amended',
        value: {
          orderDigest: digestToWire(body.orderDigest),
          amendment: digestToWire(body.amendment),
          action: body.action,
          job: body.job ?? 0,
          refused: body.refused?.code ?? '',
          message: clip(body.refused?.message ?? ''),
        },
      };
    case 'job':
      return {
        $case: 'job',
        value: {
          orderDigest: digestToWire(body.orderDigest),
          job: body.job,
          attempt: body.attempt,
          direction: directionToWire(body.direction),
          kind: jobEventToWire(body.kind),
          message: clip(body.message),
          facts: objectToWire(body.facts),
          output:
            body.output === null
              ? undefined
              : {
                  size: body.output.size,
                  digest: Buffer.from(body.output.digest),
                  head: Buffer.from(body.output.head),
                  tail: Buffer.from(body.output.tail),
                },
        },
      };
    case 'order-finished':
      return {
        $case: 'orderFinished',
        value: { orderDigest: digestToWire(body.orderDigest), direction: directionToWire(body.direction) },
      };
  }
}

/** The controller refuses longer messages, and with them the stream: a report that cannot be said would block the rest. */
const clip = (message: string): string =>
  message.length <= MAX_REPORT_MESSAGE ? message : `${message.slice(0, MAX_REPORT_MESSAGE - 1)}…`;
