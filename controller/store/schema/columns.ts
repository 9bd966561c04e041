import { customType, timestamp } from 'drizzle-orm/pg-core';

/*
 * Times are timestamptz; digests are text `sha256:<hex>` where people meet them and bytea (32 bytes) in the node store,
 * where there are millions.
 */

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
export const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
export const createdAt = () => at('created_at').notNull().defaultNow();
