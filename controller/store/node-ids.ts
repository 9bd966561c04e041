import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type SQL, sql } from 'drizzle-orm';

/** One parameter however many ids, so that a statement has one text and is prepared once. */
export const idArray = (ids: readonly NodeId[]): SQL =>
  sql`(select array_agg(decode(id, 'hex')) from unnest(string_to_array(${hexList(ids)}, ',')) as id)::bytea[]`;

export const hexList = (list: readonly Buffer[]): string => list.map(bytes => bytes.toString('hex')).join(',');
