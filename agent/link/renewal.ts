import { X509Certificate } from 'node:crypto';
import { credentials, Metadata } from '@grpc/grpc-js';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { EnrolmentClient } from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import type { LinkClient } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { certificateRequest } from './certificate-request.ts';
import { type CallError, CHANNEL_OPTIONS, callError } from './grpc.ts';
import { type Identity, storeChain } from './identity.ts';

const CALL_MS = 15_000;

/** Renews over the link, with the present certificate. The key stays. */
export async function renew(identity: Identity, client: LinkClient): Promise<Result<Identity, CallError>> {
  const request = { certificateRequest: certificateRequest(identity.privateKey) };
  const reply = await new Promise<Result<Buffer[], CallError>>(resolve => {
    client.renew(request, new Metadata(), { deadline: Date.now() + CALL_MS }, (error, answer) => {
      resolve(error === null && answer !== undefined ? ok(answer.certificateChain) : err(callError(error)));
    });
  });
  return reply.ok ? ok(await storeChain(identity, reply.value)) : reply;
}

/** Renews a certificate that has expired, where the link would not take it any more: by proving its key. */
export async function renewExpired(identity: Identity): Promise<Result<Identity, CallError>> {
  const channel = credentials.createSsl(Buffer.from(identity.rootPem));
  const client = new EnrolmentClient(identity.enrolmentAddress, channel, CHANNEL_OPTIONS);
  const request = {
    certificate: new X509Certificate(identity.chainPem).raw,
    certificateRequest: certificateRequest(identity.privateKey),
  };
  try {
    const reply = await new Promise<Result<Buffer[], CallError>>(resolve => {
      client.renewExpired(request, new Metadata(), { deadline: Date.now() + CALL_MS }, (error, answer) => {
        resolve(error === null && answer !== undefined ? ok(answer.certificateChain) : err(callError(error)));
      });
    });
    return reply.ok ? ok(await storeChain(identity, reply.value)) : reply;
  } finally {
    client.close();
  }
}
