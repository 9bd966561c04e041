import { z } from 'zod';

/* How long a text in a section may be. An agent cuts what is longer, a controller refuses it. */

/** Names, versions, ids: longer ones are not made by package managers or kernels. */
export const NAME_CHARACTERS = 256;
/** Paths (PATH_MAX is 4,096 bytes) and lines for people. */
export const LINE_CHARACTERS = 4_096;

export const Name = z.string().max(NAME_CHARACTERS);
export const Line = z.string().max(LINE_CHARACTERS);
/** Bytes, counts: whole and not negative. */
export const Count = z.int().min(0);
/** A number of a port. */
export const Port = z.int().min(0).max(65_535);
/** Milliseconds since the epoch. */
export const Instant = z.int();

/** At most so many, so that one section never fills a message. */
export const list = <T extends z.ZodType>(item: T, most: number) => z.array(item).max(most);
export const byName = <T extends z.ZodType>(item: T, most: number) =>
  z.record(z.string().max(LINE_CHARACTERS), item).refine(value => Object.keys(value).length <= most, {
    message: `has more than ${most} members`,
  });
