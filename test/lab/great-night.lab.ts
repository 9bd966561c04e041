import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabFleet } from './fleet.ts';
import { FEWEST_HOSTS } from './great-night/estate.ts';
import { greatNight, startEstate } from './great-night/night.ts';
import { reportLines } from './great-night/report.ts';

/** What `npm run lab:night` does, with as few servers as show all of it. */
describe('10: the great night', () => {
  const begun = performance.now();
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await startEstate({ hosts: FEWEST_HOSTS });
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('takes every server through the whole standard order, patched and verified', { timeout: 900_000 }, async () => {
    const night = await greatNight(fleet, begun);
    const report = reportLines(night).join('\n');
    console.log(report);
    expect([...night.findings].filter(([, wrong]) => wrong.length > 0)).toEqual([]);
    expect(night.findings.size).toBe(FEWEST_HOSTS);
    expect(report).toContain(`${FEWEST_HOSTS} of ${FEWEST_HOSTS} servers patched and verified`);
    expect(report).toContain('2 of 2 database pairs handed over');
    expect(night.run.state).toBe('succeeded');
  });
});
