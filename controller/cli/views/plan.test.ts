import { describe, expect, it } from 'vitest';
import { table } from '../output/table.ts';
import { samplePlan } from '../testing/samples.ts';
import { folded, planLines } from './plan.ts';

const approval = { approvals: [], needed: 1, complete: false };
const text = (wide = false) => planLines(samplePlan, approval, { wide }).join('\n');

describe('the view of a plan', () => {
  it.each([
    ['who is in which wave, and what changes from and to', /web01 .*orders .*web .*orders-web 1\.4\.0 -> 1\.4\.1/],
    ['what is new on a host', /orders-db nothing -> 1\.4\.1/],
    ['which member was active', /ordersdb \(active\)/],
    ['the order of waves', /Wave 2: rest \(at most 25 at once, after canary\)/],
    ['what is watched after a wave', /Wave 1: canary \(at most 1 at once, then 20m00s of watching\)/],
    ['jobs and why they are there', /1 +stop web orders-web on web01 .*the policy says so/],
    ['what waits for what between hosts', /stop:orders-web on web01 before handover on db01: web is above db/],
    ['limits', /at most 1 of web01 out at once: half of web stays in service/],
    ['budgets', /stop once more than 0 failed in wave canary/],
    ['who is left out and why', /web02 +it is frozen/],
    ['who has to approve', /needs 1 approval from app-owner, not from olga; 0 of 1 given: nobody yet/],
    ['the window in its zone', /2026-03-21 21:00:00Z to 2026-03-22 01:00:00Z \(4h00m, .*zone Europe\/Berlin\)/],
  ])('says %s', (_, pattern) => expect(text()).toMatch(pattern));

  it('ends with the whole digest', () => expect(text().split('\n').at(-1)).toBe(`Digest ${samplePlan.digest}`));

  it('always shows commands, word by word, to whoever signs', () => {
    expect(text()).toContain('job 1 runs /opt/orders-db/bin/handover "to the peer"');
  });

  it('shows what each job is called with when asked for more', () => {
    expect(text()).not.toContain('/opt/orders-web/bin/stop --now');
    expect(text(true)).toContain('/opt/orders-web/bin/stop --now');
  });
});

describe('hosts that are shown to do the same', () => {
  const lines = (text: string) => (told: (text: string) => string) => [told(text)];

  it('stand together, with HOST where each has its own name', () => {
    const shown = ['web01', 'web2'].map(host => ({ host, lines: lines(`1  stop shop on ${host}   2s`) }));
    expect(folded(shown)).toEqual([{ hosts: ['web01', 'web2'], lines: ['1  stop shop on HOST   2s'] }]);
  });

  it('have their columns under the titles, however long their names are', () => {
    const shown = ['database01', 'database02'].map(host => ({
      host,
      lines: (told: (text: string) => string) =>
        table(
          [
            { title: 'JOB', value: (job: string) => told(job) },
            { title: 'EXPECTED', value: () => '2s' },
          ],
          [`stop shop on ${host}`],
        ),
    }));
    expect(folded(shown).map(({ lines }) => lines)).toEqual([['JOB                EXPECTED', 'stop shop on HOST  2s']]);
  });

  it('stand apart for a single letter', () => {
    const shown = [
      { host: 'a', lines: lines('run /opt/x on a') },
      { host: 'b', lines: lines('run /opt/y on b') },
    ];
    expect(folded(shown)).toHaveLength(2);
  });

  it.each([
    ['a text that says HOST', 'run /opt/a', 'run /opt/HOST'],
    ['a longer name that begins the same', 'peer of a', 'peer of a1'],
    ['another host that is named', 'run on a', 'run on a.b'],
  ])('are not confused by %s', (_, first, second) => {
    const shown = [
      { host: 'a', lines: lines(first) },
      { host: 'b', lines: lines(second) },
    ];
    expect(folded(shown)).toHaveLength(2);
  });
});
