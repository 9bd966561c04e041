import type { ErrorDetail, ErrorReply } from './contract/common.ts';
import type { ServiceError } from './services.ts';

/** An answer that is an error: thrown by handlers, made into a reply in one place. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly details: readonly ErrorDetail[] | undefined;

  constructor(status: number, code: string, message: string, details?: readonly ErrorDetail[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export const errorReply = (code: string, message: string, details?: readonly ErrorDetail[]): ErrorReply => ({
  error: { code, message, ...(details && details.length > 0 ? { details: [...details] } : {}) },
});

/** Which kind of refusal a code is, by the word it holds; all others are input that cannot be used. */
const STATUS_BY_WORD: readonly (readonly [RegExp, number])[] = [
  [/(^|-)(not-found|unknown|no-such|missing)(-|$)|^no-fingerprint$/, 404],
  [/(^|-)(not-permitted|denied|forbidden|banned)(-|$)/, 403],
  [
    /(^|-)(exists|already|taken|conflict|not-approved|not-connected|not-now|ended|in-use|frozen|stale|enrolled|used|differs)(-|$)|^no-landscape$/,
    409,
  ],
  [/(^|-)(too-large|too-big)(-|$)/, 413],
  [/(^|-)(no-space|disk-full)(-|$)/, 507],
];

/** HTTP's status for a capability's error code: 404, 403, 409, 413, 507, or 422. */
export const statusOf = (code: string): number => STATUS_BY_WORD.find(([word]) => word.test(code))?.[1] ?? 422;

export const apiErrorOf = (error: ServiceError): ApiError =>
  new ApiError(statusOf(error.code), error.code, error.message, error.details);

export const notFound = (what: string, next: string): ApiError =>
  new ApiError(404, 'not-found', `there is no ${what}: ${next}`);
