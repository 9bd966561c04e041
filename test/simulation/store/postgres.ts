import { connectTo } from '@tidemark/controller/store/store.ts';
import { startTestDatabases } from '../../support/database.ts';
import { type MakeTwin, twinOver } from './twin.ts';

export interface NightDatabases {
  /** Does it over an empty database, which is dropped afterwards. */
  within<T>(work: (makeTwin: MakeTwin) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** A private PostgreSQL without fsync, for nights one after the other. */
export async function startNightDatabases(): Promise<NightDatabases> {
  const databases = await startTestDatabases();
  return {
    async within(work) {
      const store = await databases.fresh();
      const [row] = await store.sql`select current_database() as name`;
      try {
        return await work(twinOver(store));
      } finally {
        await store.close();
        const { sql } = connectTo(databases.server, 'postgres', 1);
        await sql.unsafe(`drop database "${row?.['name']}"`).finally(() => sql.end());
      }
    },
    stop: () => databases.stop(),
  };
}
