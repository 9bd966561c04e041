import { z } from 'zod';
import { type Digest, isDigest } from '../base/digest.ts';

/* What the arguments of steps are made of. Each is as narrow as the field allows: it is what a stolen controller tries first. */

/** Absolute on the server; an agent with another root directory resolves it below that. */
export const ServerPath = z
  .string()
  .max(4096)
  .refine(path => path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..'), {
    message: 'must be an absolute path without ".."',
  });

/** A program and its arguments. Never a shell's text. */
export const Argv = z.tuple([ServerPath]).rest(z.string().max(32_768));

export const DigestText = z.custom<Digest>(value => typeof value === 'string' && isDigest(value), {
  message: 'must be sha256: and 64 hex digits',
});

export const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-"');

/** A unit of systemd with its kind; never something that could be taken for an option or a path. */
export const UnitName = z
  .string()
  .regex(
    /^[A-Za-z0-9:_][A-Za-z0-9:_.\\@-]{0,240}\.(service|socket|timer|target|mount|path)$/,
    'must be a unit like cron.service',
  );

/** A name or an address, without port. */
export const NetworkHost = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9.-]{0,252})|[0-9a-fA-F:.]{2,45})$/, 'must be a host name or an address');
export const NetworkPort = z.int().min(1).max(65_535);
