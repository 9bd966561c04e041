import { cpus, loadavg } from 'node:os';
import type { Advisory } from '@tidemark/controller/risk/advisory.ts';
import { createRisk } from '@tidemark/controller/risk/service.ts';
import { riskStore } from '@tidemark/controller/store/risk.ts';
import { riskFleet, riskGroups } from '@tidemark/controller/wiring/risk-sources.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { sql } from 'drizzle-orm';
import { row } from '../table.ts';
import { HOSTS, measured, queriesOver, seed, withStore } from './installed-fleet.ts';

/*
 * `node test/bench/landscape/matching.ts`: 10,000 hosts with 600 packages each, no two alike, against 50,000 advisories: by a
 * controller that has just begun, and again after 100 hosts have got packages that nobody had.
 */

const ADVISORIES = 50_000;

const advisoryOf = (number: number): Advisory => ({
  id: `DSA-${number}`,
  format: 'osv',
  aliases: [`CVE-2026-${10_000 + number}`],
  summary: 'a weakness',
  severity: { score: number % 10, from: '' },
  modified: 0,
  withdrawn: null,
  affected: [
    {
      ...{ ecosystem: 'debian:12', order: 'deb', name: `src-${number % 2_000}`, versions: [] },
      ranges: [{ introduced: null, fixed: `1.${number % 13}-1`, lastAffected: null }],
    },
  ],
});

await withStore(async store => {
  await seed(store);
  const advisories = new Map(Array.from({ length: ADVISORIES }, (_, number) => [`DSA-${number}`, advisoryOf(number)]));
  const queries = queriesOver(store);
  const risk = createRisk({
    store: riskStore(store),
    sources: {
      fleet: () => riskFleet(queries),
      groups: () => riskGroups(queries),
      planned: async () => [],
      bundle: async () => null,
      fetch: async () => Promise.reject(new Error('there is no mirror')),
    },
    clock: systemClock,
  });
  console.log(
    `${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; seconds on the clock, of this process's processor`,
  );
  const of = ({ clock, processor }: { clock: number; processor: number }) =>
    `${clock.toFixed(2)} s, ${processor.toFixed(2)} s`;
  const batch = {
    advisories,
    knownUses: null,
    probabilities: null,
    files: ADVISORIES,
    leftOut: new Map<string, number>(),
  };
  const record = { source: 'bench', by: 'bench', at: 0 };
  row(
    `${ADVISORIES} advisories into the database`,
    of(await measured(() => riskStore(store).import(batch, record))),
    '',
  );
  row(`${HOSTS} hosts against them, the first time`, of(await measured(() => risk.refresh())), '20 s');
  // 600 packages that nobody had, on 100 hosts: a list of another digest each, as after a night of patches.
  await store.db.execute(sql`insert into package_items (number, digest, item)
    select (select max(number) from package_items) + row_number() over (), sha256(('new ' || number)::bytea),
      item || '{"version": "0.9-1", "sourceVersion": "0.9-1"}'
    from package_items where number % 12 = 0 and number < 7200`);
  await store.db.execute(sql`with changed as (select host_id, digest, sha256(digest) as fresh from host_sections where kind = 'packages' limit 100),
      one as (insert into sections (digest, kind, content) select fresh, 'packages', '{"installed": []}' from changed),
      two as (insert into package_sets (digest, numbers)
        select fresh, (select string_agg(decode(lpad(to_hex(number & 255), 2, '0') || lpad(to_hex(number >> 8), 2, '0') || '0000', 'hex'), ''::bytea order by number)
          from package_items where number >= (select max(number) - 599 from package_items)) from changed)
    update host_sections set digest = fresh from changed where host_sections.host_id = changed.host_id and kind = 'packages'`);
  row('again, 100 hosts having 600 packages that nobody had', of(await measured(() => risk.refresh())), '2 s');
});
