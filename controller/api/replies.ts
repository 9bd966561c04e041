import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorDetail, ErrorReply } from './contract/common.ts';
import { ApiError, errorReply } from './errors.ts';

export interface ErrorAnswer {
  status: number;
  body: ErrorReply;
}

/** What a client is told about an error. Of an unexpected one it learns only that there was one. */
export function replyFor(error: unknown): ErrorAnswer {
  if (error instanceof ApiError)
    return { status: error.status, body: errorReply(error.code, error.message, error.details) };
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error.validation);
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return fastifyRefusal(statusCode, code, message);
  return {
    status: 500,
    body: errorReply('internal', 'the controller failed at this; its log says why. Nothing else is known to be wrong'),
  };
}

function fastifyRefusal(status: number, code: string | undefined, message: string | undefined): ErrorAnswer {
  if (status === 413) return { status, body: errorReply('too-large', 'the request is larger than this route takes') };
  if (status === 415) return { status, body: errorReply('bad-request', 'send JSON, as application/json') };
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return { status, body: errorReply('bad-request', 'the body is not JSON') };
  return { status, body: errorReply('bad-request', message ?? 'the request cannot be understood') };
}

interface ValidationIssue {
  instancePath?: string;
  message?: string | undefined;
}

function invalidRequest(issues: readonly ValidationIssue[]): ErrorAnswer {
  const details: ErrorDetail[] = issues.map(issue => {
    const path = (issue.instancePath ?? '').split('/').filter(Boolean).join('.');
    return { message: path ? `${path}: ${issue.message}` : (issue.message ?? 'does not fit') };
  });
  const first = details[0]?.message ?? 'it does not fit its schema';
  const more = details.length > 1 ? ` (and ${details.length - 1} more)` : '';
  return { status: 400, body: errorReply('bad-request', `the request is refused: ${first}${more}`, details) };
}
