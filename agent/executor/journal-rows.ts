import type { Report, ReportBody } from '@tidemark/shared/orders/report.ts';

/** Bytes in a report's JSON. */
const BYTES = '$bytes';

/** Reports hold bytes (output, digests), which JSON has no word for. */
export const encodeBody = (body: ReportBody): string =>
  JSON.stringify(body, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString('base64') };
    // What Buffer's own toJSON made of itself before this was asked.
    if (isBufferJson(value)) return { [BYTES]: Buffer.from(value.data).toString('base64') };
    return value;
  });

export function decodeReport(row: { sequence: number; at: number; body: string }): Report {
  const body = JSON.parse(row.body, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    const bytes = (value as Record<string, unknown>)[BYTES];
    return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : value;
  }) as ReportBody;
  return { sequence: row.sequence, atMs: row.at, body };
}

const isBufferJson = (value: unknown): value is { type: 'Buffer'; data: number[] } =>
  typeof value === 'object' &&
  value !== null &&
  (value as { type?: unknown }).type === 'Buffer' &&
  Array.isArray((value as { data?: unknown }).data);
