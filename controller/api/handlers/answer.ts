import type { Result } from '@tidemark/shared/base/result.ts';
import { apiErrorOf, notFound } from '../errors.ts';
import type { ServiceError } from '../services.ts';

/** The value of an answer; its error becomes the reply. */
export async function unwrap<T>(answer: Promise<Result<T, ServiceError>>): Promise<T> {
  const result = await answer;
  if (!result.ok) throw apiErrorOf(result.error);
  return result.value;
}

/** The thing that was asked for; where there is none, the reply says what and where to look. */
export async function found<T>(answer: Promise<T | null>, what: string, next: string): Promise<T> {
  const value = await answer;
  if (value === null) throw notFound(what, next);
  return value;
}
