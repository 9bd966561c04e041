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
