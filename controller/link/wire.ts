import { zstdDecompressSync } from 'node:zlib';
import type { Result } from '@tidemark/shared/base/result.ts';
import { MAX_SECTION_BYTES, MAX_SECTIONS } from '@tidemark/shared/inventory/section.ts';
import { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import type { OrderStanding, Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import {
  digestFromWire,
  directionFromWire,
  jobEventFromWire,
  knownToWire,
  Malformed,
  objectFromWire,
  optionalDigestFromWire,
  proofToWire,
  reading,
  refusalCodeFromWire,
  sequenceFromWire,
  textFromWire,
} from '@tidemark/shared/protocol/codec.ts';
import type {
  AgentMessage,
  Amended,
  ControllerMessage,
  FactsOffer,
  JobEvent,
  OutputChunk,
  SectionText,
  Standings,
  Report as WireReport,
} from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { MAX_REPORT_MESSAGE } from '@tidemark/shared/protocol/limits.ts';
import type {
  AgentDryRun,
  AgentFacts,
  AgentHello,
  AgentOffer,
  AgentOutput,
  AgentScan,
  ToAgent,
  ToldSection,
} from './messages.ts';

/** Names, ids and versions that an agent gives: shown to people, so not without end. */
const MAX_NAME = 256;

/** What an agent said, read and checked. */
export type FromAgent =
  | { type: 'hello'; hello: AgentHello }
  | { type: 'heartbeat' }
  | { type: 'standings'; standings: OrderStanding[] }
  | { type: 'report'; report: Report }
  | { type: 'output'; output: AgentOutput }
  | { type: 'facts'; facts: AgentFacts }
  | { type: 'facts-offer'; offer: AgentOffer }
  | { type: 'sections'; sections: ToldSection[] }
  | { type: 'scan-ready'; scan: AgentScan }
  | { type: 'scan-failed'; request: string; message: string }
  | { type: 'dry-run'; dryRun: AgentDryRun };

export const readAgentMessage = (message: AgentMessage): Result<FromAgent, Malformed> =>
  reading(() => fromAgent(message));

function fromAgent({ body }: AgentMessage): FromAgent {
  switch (body?.$case) {
    case 'hello':
      return {
        type: 'hello',
        hello: {
          protocolMin: body.value.protocolMin,
          protocolMax: body.value.protocolMax,
          agentVersion: textFromWire(body.value.agentVersion, 'hello.agent_version', MAX_NAME),
          bootId: textFromWire(body.value.bootId, 'hello.boot_id', MAX_NAME),
          hostName: textFromWire(body.value.hostName, 'hello.host_name', MAX_NAME),
        },
      };
    case 'heartbeat':
      return { type: 'heartbeat' };
    case 'standings':
      return { type: 'standings', standings: standingsFrom(body.value) };
    case 'report':
      return { type: 'report', report: reportFrom(body.value) };
    case 'output':
      return { type: 'output', output: outputFrom(body.value) };
    case 'facts':
      return {
        type: 'facts',
        facts: {
          request: textFromWire(body.value.request, 'facts.request', MAX_NAME),
          atMs: body.value.atMs,
          facts: objectFromWire(body.value.json, 'facts.json') ?? {},
        },
      };
    case 'factsOffer':
      return { type: 'facts-offer', offer: offerFrom(body.value) };
    case 'sections':
      return { type: 'sections', sections: body.value.sections.map(toldFrom) };
    case 'scanReady':
      return {
        type: 'scan-ready',
        scan: {
          scan: textFromWire(body.value.scan, 'scan_ready.scan', MAX_NAME),
          request: textFromWire(body.value.request, 'scan_ready.request', MAX_NAME),
          orderDigest: optionalDigestFromWire(body.value.orderDigest, 'scan_ready.order_digest'),
        },
      };
    case 'scanFailed':
      return {
        type: 'scan-failed',
        request: textFromWire(body.value.request, 'scan_failed.request', MAX_NAME),
        message: textFromWire(body.value.message, 'scan_failed.message', MAX_REPORT_MESSAGE),
      };
    case 'dryRun':
      return {
        type: 'dry-run',
        dryRun: {
          request: textFromWire(body.value.request, 'dry_run.request', MAX_NAME),
          result: objectFromWire(body.value.json, 'dry_run.json'),
          message: textFromWire(body.value.message, 'dry_run.message', MAX_REPORT_MESSAGE),
        },
      };
    case undefined:
      throw new Malformed('body', 'is none of the messages that this controller knows');
  }
}

function offerFrom({ request, atMs, root, sections }: FactsOffer): AgentOffer {
  if (sections.length > MAX_SECTIONS)
    throw new Malformed('facts_offer.sections', `${sections.length} sections, at most ${MAX_SECTIONS} may be`);
  return {
    request: textFromWire(request, 'facts_offer.request', MAX_NAME),
    atMs,
    root: digestFromWire(root, 'facts_offer.root'),
    sections: sections.map(({ kind, digest }) => ({
      kind: textFromWire(kind, 'facts_offer.sections.kind', MAX_NAME),
      digest: digestFromWire(digest, 'facts_offer.sections.digest'),
    })),
  };
}

/** What is compressed may be anything: no more of it is unpacked than a section may have. */
function toldFrom({ kind, text }: SectionText): ToldSection {
  let unpacked: Buffer;
  try {
    unpacked = zstdDecompressSync(text, { maxOutputLength: MAX_SECTION_BYTES });
  } catch (error) {
    throw new Malformed('sections.text', `cannot be unpacked: ${(error as Error).message}`);
  }
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(unpacked);
    return { kind: textFromWire(kind, 'sections.kind', MAX_NAME), text: decoded };
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed('sections.text', 'is not UTF-8');
  }
}

const standingsFrom = ({ standings }: Standings): OrderStanding[] =>
  standings.map(standing => ({
    orderDigest: digestFromWire(standing.orderDigest, 'standings.order_digest'),
    frontier: standing.frontier,
    position: standing.position,
    direction: directionFromWire(standing.direction, 'standings.direction'),
  }));

const reportFrom = (report: WireReport): Report => ({
  sequence: sequenceFromWire(report.sequence, 'report.sequence'),
  atMs: report.atMs,
  body: reportBodyFrom(report.body),
});

function reportBodyFrom(body: WireReport['body']): ReportBody {
  switch (body?.$case) {
    case 'orderAccepted':
      return {
        type: 'order-accepted',
        orderDigest: digestFromWire(body.value.orderDigest, 'report.order_accepted.order_digest'),
      };
    case 'orderRefused':
      return {
        type: 'order-refused',
        orderDigest: digestFromWire(body.value.orderDigest, 'report.order_refused.order_digest'),
        code: refusalCodeFromWire(body.value.code, 'report.order_refused.code'),
        message: textFromWire(body.value.message, 'report.order_refused.message', MAX_REPORT_MESSAGE),
      };
    case 'dispatchRefused':
      return {
        type: 'dispatch-refused',
        orderDigest: optionalDigestFromWire(body.value.orderDigest, 'report.dispatch_refused.order_digest'),
        code: refusalCodeFromWire(body.value.code, 'report.dispatch_refused.code'),
        message: textFromWire(body.value.message, 'report.dispatch_refused.message', MAX_REPORT_MESSAGE),
      };
    case 'job':
      return jobFrom(body.value);
    case 'amended':
      return amendedFrom(body.value);
    case 'orderFinished':
      return {
        type: 'order-finished',
        orderDigest: digestFromWire(body.value.orderDigest, 'report.order_finished.order_digest'),
        direction: directionFromWire(body.value.direction, 'report.order_finished.direction'),
      };
    case undefined:
      throw new Malformed('report.body', 'is none of the reports that this controller knows');
  }
}

function amendedFrom({ orderDigest, amendment, action, job, refused, message }: Amended): ReportBody {
  const known = AmendmentAction.safeParse(action);
  if (!known.success) throw new Malformed('report.amended.action', 'is no action that this version knows');
  return {
    type: 'amended',
    orderDigest: digestFromWire(orderDigest, 'report.amended.order_digest'),
    amendment: digestFromWire(amendment, 'report.amended.amendment'),
    action: known.data,
    job: known.data === 'undo' ? null : job,
    refused:
      refused === ''
        ? null
        : {
            code: refusalCodeFromWire(refused, 'report.amended.refused'),
            message: textFromWire(message, 'report.amended.message', MAX_REPORT_MESSAGE),
          },
  };
}

const jobFrom = (job: JobEvent): ReportBody => ({
  type: 'job',
  orderDigest: digestFromWire(job.orderDigest, 'report.job.order_digest'),
  job: job.job,
  attempt: job.attempt,
  direction: directionFromWire(job.direction, 'report.job.direction'),
  kind: jobEventFromWire(job.kind, 'report.job.kind'),
  message: textFromWire(job.message, 'report.job.message', MAX_REPORT_MESSAGE),
  facts: objectFromWire(job.facts, 'report.job.facts'),
  output:
    job.output === undefined
      ? null
      : {
          size: job.output.size,
          digest: checkedDigest(job.output.digest),
          head: job.output.head,
          tail: job.output.tail,
        },
});

function checkedDigest(bytes: Buffer): Buffer {
  digestFromWire(bytes, 'report.job.output.digest');
  return bytes;
}

const outputFrom = (chunk: OutputChunk): AgentOutput => ({
  orderDigest: digestFromWire(chunk.orderDigest, 'output.order_digest'),
  job: chunk.job,
  attempt: chunk.attempt,
  offset: chunk.offset,
  data: chunk.data,
});

/** What is sent to an agent, as the wire says it. */
export function toWire(message: ToAgent): ControllerMessage {
  switch (message.type) {
    case 'order-offer':
      return {
        body: {
          $case: 'orderOffer',
          value: {
            order: Buffer.from(message.order),
            proof: proofToWire(message.proof),
            approvals: message.approvals.map(approval => Buffer.from(approval)),
          },
        },
      };
    case 'amendment':
      return { body: { $case: 'amendment', value: { envelope: Buffer.from(message.envelope) } } };
    case 'dispatch':
      return { body: { $case: 'dispatch', value: { envelope: Buffer.from(message.envelope) } } };
    case 'observe-facts':
      return {
        body: {
          $case: 'observeFacts',
          value: { request: message.request, known: knownToWire({ root: message.known }) },
        },
      };
    case 'observe-scan':
      return {
        body: {
          $case: 'observeScan',
          value: {
            request: message.request,
            profile: Buffer.from(message.profile),
            envelope: Buffer.from(message.envelope),
          },
        },
      };
    case 'observe-dry-run':
      return {
        body: { $case: 'observeDryRun', value: { request: message.request, wish: Buffer.from(message.wish) } },
      };
    case 'secret-key':
      return { body: { $case: 'secretKey', value: { envelope: Buffer.from(message.envelope) } } };
  }
}
