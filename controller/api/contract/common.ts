import { z } from 'zod';

/** A moment: ISO 8601 text in UTC on the wire, milliseconds since the epoch inside the controller. */
export const Instant = z.codec(z.iso.datetime({ offset: true }), z.int(), {
  decode: text => Date.parse(text),
  encode: ms => new Date(ms).toISOString(),
});

/** What a token lets its holder do. `admin` may do all; the others read, and do what their name says. */
export const Role = z.enum(['viewer', 'operator', 'approver', 'admin']);
export type Role = z.infer<typeof Role>;

export const HostName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, 'must be a host name: letters, digits, ".", "_" or "-"');

export const Name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-", at most 128');

export const DigestParam = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');

export const RunId = z.string().regex(/^r[0-9]{1,18}$/, 'must be the name of a run, like r12');

export const Direction = z.enum(['forward', 'undo']);

export const FileName = z.string().min(1).max(255);

/** Where in a file that somebody sent something is wrong. Lines and columns count from 1. */
export const ErrorDetail = z.object({
  message: z.string(),
  file: z.string().optional(),
  line: z.int().optional(),
  column: z.int().optional(),
});
export type ErrorDetail = z.infer<typeof ErrorDetail>;

/** Every answer that is none: `code` for programs, `message` for people, `details` where there are many causes. */
export const ErrorReply = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.array(ErrorDetail).optional() }),
});
export type ErrorReply = z.infer<typeof ErrorReply>;
