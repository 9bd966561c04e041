import { cpus, loadavg } from 'node:os';
import { row } from '../table.ts';
import { HOSTS, measured, queriesOver, seed, withStore } from './installed-fleet.ts';

/*
 * `node test/bench/landscape/query.ts`: a question about the packages of 10,000 hosts with 600 each, no two alike, over PostgreSQL:
 * by a controller that has just begun, and by one that was asked before.
 */

const QUERY = 'host.os.id == "debian" && host.packages.exists(p, p.name == "pkg-77" && deb(p.version) < deb("1.5-1"))';

await withStore(async store => {
  await seed(store);
  console.log(
    `${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; seconds on the clock, of this process's processor`,
  );
  const ask = (queries: ReturnType<typeof queriesOver>, limit: number) =>
    measured(async () => {
      const page = await queries.query({ text: QUERY, fields: ['os.version'], after: null, limit });
      if (!page.ok) throw new Error(page.error.message);
      return page.value;
    });
  const cold = queriesOver(store);
  const of = ({ clock, processor }: { clock: number; processor: number }) =>
    `${clock.toFixed(2)} s, ${processor.toFixed(2)} s`;
  row('the first page of 100 hosts, by a controller that has just begun', of(await ask(cold, 100)), '0.2 s');
  const whole = await ask(queriesOver(store), 1_000_000);
  row(`all of ${HOSTS} hosts (${whole.value.hosts.length} are so), by one that has just begun`, of(whole), '');
  await ask(cold, 1_000_000);
  row('all, by one that was asked before', of(await ask(cold, 1_000_000)), '1 s');
  row('the first page, by one that was asked before', of(await ask(cold, 100)), '0.2 s');
});
