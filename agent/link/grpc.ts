import { type ChannelOptions, status } from '@grpc/grpc-js';
import {
  CONTROLLER_SERVER_NAME,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_CONTROLLER_MESSAGE_BYTES,
} from '@tidemark/shared/protocol/limits.ts';

/** How the agent speaks gRPC. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  // The certificate is checked for this name, whatever the address that leads to the controller.
  'grpc.ssl_target_name_override': CONTROLLER_SERVER_NAME,
  'grpc.max_receive_message_length': MAX_CONTROLLER_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  // Else a long stream keeps its last megabytes for a retry that never comes, and slows down with them.
  'grpc.per_rpc_retry_buffer_size': 4096,
  // Many agents in one process (tests) must not share connections: each has its own certificate.
  'grpc.use_local_subchannel_pool': 1,
  // Servers under management often have proxy variables set for package managers; they are not for this.
  'grpc.enable_http_proxy': 0,
};

/** An error of a call, with its status. */
export interface CallError {
  code: status;
  details: string;
}

export function callError(error: unknown): CallError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number')
    return {
      code: error.code,
      details: 'details' in error && typeof error.details === 'string' ? error.details : error.message,
    };
  return { code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}

/** Whether the call may work when it is made again: the network or the controller was in the way, not what was asked. */
export const isPassing = ({ code }: CallError): boolean =>
  code === status.UNAVAILABLE ||
  code === status.DEADLINE_EXCEEDED ||
  code === status.CANCELLED ||
  code === status.ABORTED ||
  code === status.RESOURCE_EXHAUSTED ||
  code === status.INTERNAL ||
  code === status.UNKNOWN;
