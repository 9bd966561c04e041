import type { DownloadChunk, DownloadRequest } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import type {
  EnrolReply,
  EnrolRequest,
  RenewExpiredReply,
  RenewExpiredRequest,
} from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import type { UploadMessage, UploadReply } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import type {
  AgentMessage,
  ControllerMessage,
  RenewReply,
  RenewRequest,
} from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';

/** One message of every shape that crosses the wire, with every field set to something that is not its default. */

const hash = (first: number): Buffer => Buffer.from(Array.from({ length: 32 }, (_, index) => (first + index) & 0xff));
const text = (value: string): Buffer => Buffer.from(value, 'utf8');
/** Above 32 bits, below the 53 that a number holds. */
const LARGE = 9_007_199_254_740_991;
const AT_MS = 1_795_228_800_000;

interface Service {
  requests: Record<string, unknown>;
  replies: Record<string, unknown>;
}

const agentMessages = {
  hello: {
    body: {
      $case: 'hello',
      value: { protocolMin: 1, protocolMax: 3, agentVersion: '0.1.0', bootId: 'a1b2', hostName: 'größe-01' },
    },
  },
  heartbeat: { body: { $case: 'heartbeat', value: { monotonicMs: LARGE } } },
  standings: {
    body: {
      $case: 'standings',
      value: {
        standings: [
          { orderDigest: hash(1), frontier: 4, position: 2, direction: 1 },
          { orderDigest: hash(2), frontier: 300, position: 299, direction: 2 },
        ],
      },
    },
  },
  orderAccepted: report(1, { $case: 'orderAccepted', value: { orderDigest: hash(3) } }),
  orderRefused: report(2, {
    $case: 'orderRefused',
    value: { orderDigest: hash(4), code: 'not-approved', message: 'no trusted key signed this' },
  }),
  dispatchRefused: report(3, {
    $case: 'dispatchRefused',
    value: { orderDigest: hash(5), code: 'replayed', message: 'epoch 1, sequence 4' },
  }),
  job: report(LARGE, {
    $case: 'job',
    value: {
      orderDigest: hash(6),
      job: 7,
      attempt: 2,
      direction: 2,
      kind: 3,
      message: 'exit status 1',
      facts: '{"freeBytes":12}',
      output: { size: 5_000_000_000, digest: hash(7), head: text('first\n'), tail: text('last\n') },
    },
  }),
  amended: report(6, {
    $case: 'amended',
    value: {
      ...{ orderDigest: hash(21), amendment: hash(22), action: 'retry', job: 9 },
      ...{ refused: 'not-now', message: 'the order is running' },
    },
  }),
  orderFinished: report(5, { $case: 'orderFinished', value: { orderDigest: hash(8), direction: 1 } }),
  output: {
    body: {
      $case: 'output',
      value: { orderDigest: hash(9), job: 1, attempt: 3, offset: 4_294_967_296, data: Buffer.of(0, 255, 10) },
    },
  },
  facts: { body: { $case: 'facts', value: { request: 'q1', atMs: AT_MS, json: '{"kernel":"6.1"}' } } },
  factsOffer: {
    body: {
      $case: 'factsOffer',
      value: { request: 'q1', atMs: AT_MS, root: hash(23), sections: [{ kind: 'os', digest: hash(24) }] },
    },
  },
  sections: { body: { $case: 'sections', value: { sections: [{ kind: 'os', text: text('compressed') }] } } },
  scanReady: { body: { $case: 'scanReady', value: { scan: 's1', request: 'q2', orderDigest: hash(10) } } },
  scanFailed: { body: { $case: 'scanFailed', value: { request: 'q3', message: 'no such directory' } } },
  dryRun: { body: { $case: 'dryRun', value: { request: 'q4', json: '{"manager":"apt"}', message: 'too old' } } },
} satisfies Record<string, AgentMessage>;

const controllerMessages = {
  welcome: {
    body: { $case: 'welcome', value: { protocol: 1, heartbeatMs: 10_000, acknowledged: LARGE, inventory: hash(23) } },
  },
  orderOffer: {
    body: {
      $case: 'orderOffer',
      value: {
        order: text('{"format":"tidemark/order/v1"}'),
        proof: { leafIndex: 5, leafCount: 8, path: [hash(11), hash(12), hash(13)] },
        approvals: [text('{"payload":"a"}'), text('{"payload":"b"}')],
      },
    },
  },
  amendment: { body: { $case: 'amendment', value: { envelope: text('{"payload":"d"}') } } },
  dispatch: { body: { $case: 'dispatch', value: { envelope: text('{"payload":"c"}') } } },
  acknowledge: { body: { $case: 'acknowledge', value: { sequence: LARGE } } },
  outputCredit: { body: { $case: 'outputCredit', value: { bytes: 262_144 } } },
  observeFacts: { body: { $case: 'observeFacts', value: { request: 'q1', known: hash(23) } } },
  wantSections: { body: { $case: 'wantSections', value: { digests: [hash(24), hash(25)] } } },
  observeScan: {
    body: { $case: 'observeScan', value: { request: 'q2', profile: text('{"name":"default"}'), envelope: text('{}') } },
  },
  observeDryRun: { body: { $case: 'observeDryRun', value: { request: 'q4', wish: text('{"calls":null}') } } },
  secretKey: { body: { $case: 'secretKey', value: { envelope: text('{"payload":"f"}') } } },
} satisfies Record<string, ControllerMessage>;

const uploadMessages = {
  roots: {
    body: {
      $case: 'roots',
      value: {
        scan: 's1',
        profileDigest: hash(14),
        softwareRoot: hash(15),
        configRoot: hash(16),
        startedMs: AT_MS,
        finishedMs: AT_MS + 1,
        coverage: '{"files":3}',
        profile: text('{}'),
        coverageDigest: hash(22),
      },
    },
  },
  nodes: { body: { $case: 'nodes', value: { nodes: [{ id: hash(17), data: text('node') }] } } },
  commit: { body: { $case: 'commit', value: {} } },
  texts: { body: { $case: 'texts', value: { profile: text('{}'), coverage: '{"files":3}' } } },
} satisfies Record<string, UploadMessage>;

const uploadReplies = {
  want: { body: { $case: 'want', value: { ids: [hash(18), hash(19)], profile: true, coverage: true } } },
  committed: { body: { $case: 'committed', value: { alreadyKnown: true } } },
} satisfies Record<string, UploadReply>;

/** By service and method, as the .proto files call them. */
export const SAMPLES: Record<string, Record<string, Service>> = {
  'tidemark.v1.Link': {
    Connect: { requests: agentMessages, replies: controllerMessages },
    Renew: {
      requests: { renew: { certificateRequest: text('csr') } satisfies RenewRequest },
      replies: { renewed: { certificateChain: [text('leaf'), text('intermediate')] } satisfies RenewReply },
    },
  },
  'tidemark.v1.Enrolment': {
    Enrol: {
      requests: {
        enrol: { token: 'tm1_a_b_c', certificateRequest: text('csr'), hostName: 'db01' } satisfies EnrolRequest,
      },
      replies: {
        enrolled: {
          hostId: '6f1c1a5e-0000-4000-8000-000000000001',
          certificateChain: [text('leaf'), text('intermediate')],
          rootCertificate: text('root'),
          fleet: 'prod',
          linkAddress: 'controller.example.net:7443',
          dispatchKey: hash(20),
        } satisfies EnrolReply,
      },
    },
    RenewExpired: {
      requests: {
        renew: { certificate: text('old'), certificateRequest: text('csr') } satisfies RenewExpiredRequest,
      },
      replies: { renewed: { certificateChain: [text('leaf')] } satisfies RenewExpiredReply },
    },
  },
  'tidemark.v1.Artifact': {
    Download: {
      requests: { download: { digest: hash(21), offset: LARGE } satisfies DownloadRequest },
      replies: { chunk: { offset: 65_536, total: LARGE, data: Buffer.of(1, 2, 3) } satisfies DownloadChunk },
    },
  },
  'tidemark.v1.Fingerprint': { Upload: { requests: uploadMessages, replies: uploadReplies } },
};

function report(sequence: number, body: ReportBody): AgentMessage {
  return { body: { $case: 'report', value: { sequence, atMs: AT_MS, body } } };
}
type ReportBody = Extract<AgentMessage['body'], { $case: 'report' }>['value']['body'];
