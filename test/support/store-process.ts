/*
 * A process that opens a store, says so, and keeps it open until it is told to end on its standard input, or is killed:
 *
 *     node store-process.ts <state directory>
 */
import { openStore } from '@tidemark/controller/store/store.ts';

const stateDir = process.argv[2] ?? '';
const store = await openStore({ stateDir });
await store.sql`create table if not exists committed (n int)`;
await store.sql`insert into committed values (1)`;
process.stdout.write(`${store.server?.pid()}\n`);
process.stdin.once('end', () => void store.close()).resume();
