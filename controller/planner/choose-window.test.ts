import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import type { CompileInput } from './input.ts';
import { parsePolicy } from './parse-policy.ts';
import { errorsOf, errorText, freeze, NOW, policyText, shop } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

const HOUR = 3_600_000;
const WEB = 'host.name.startsWith("web")';

/** Compiles with calendars beside the policy: the window, or the first error. */
function windowOf(window: string, calendars: Record<string, string>, changes: Partial<World> = {}) {
  const policy = parsePolicy(policyText({ window }), 'policy.yaml', new Map(Object.entries(calendars)));
  if (!policy.ok) return policy.error.map(errorText).join('\n');
  const plan = compile({ ...shop(), at: null, ...changes, policy: policy.value });
  if (!plan.ok) return plan.error.map(errorText).join('\n');
  const { start, end, chosen, skipped } = plan.value.header.window;
  return { start: iso(start), hours: (end - start) / HOUR, chosen, skipped: skipped.map(each => iso(each.start)) };
}
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16);

/** The shop's facts as if they had been seen just before. */
const fresh = (now: number): World['facts'] =>
  new Map([...shop().facts].map(([id, { facts }]) => [id, { facts, observedAt: now - 60_000 }]));

describe('the window', () => {
  const MONTHLY = 'duration: 4h, reserve: 30m, timezone: Europe/Berlin, rrule: FREQ=MONTHLY;BYDAY=3SA, start: "22:00"';

  it('is the next occurrence from now on', () => {
    // NOW is the third Saturday, one hour before.
    expect(windowOf(`{${MONTHLY}}`, {})).toEqual({
      start: '2026-11-21T21:00',
      hours: 4,
      chosen: 'recurrence',
      skipped: [],
    });
    expect(windowOf(`{${MONTHLY}}`, {}, { now: NOW + 2 * HOUR, facts: fresh(NOW + 2 * HOUR) })).toMatchObject({
      start: '2026-12-19T21:00',
    });
  });

  it('opens when it is asked to, whatever recurs', () => {
    expect(windowOf(`{${MONTHLY}}`, {}, { at: NOW + 5 * HOUR })).toMatchObject({
      start: iso(NOW + 5 * HOUR),
      chosen: 'given',
    });
  });

  it('steps over occurrences in which something is frozen, and says over which', () => {
    const calendars = { 'freeze.ics': freeze('20261122T003000Z', '20270105T000000Z') };
    expect(windowOf(`{${MONTHLY}, blackout: [freeze.ics]}`, calendars)).toEqual({
      start: '2027-01-16T21:00',
      hours: 4,
      chosen: 'recurrence',
      skipped: ['2026-11-21T21:00', '2026-12-19T21:00'],
    });
  });

  it('has its hours also in nights in which the clocks change', () => {
    const weekly = 'duration: 4h, timezone: Europe/Berlin, rrule: FREQ=YEARLY;BYMONTH=3;BYDAY=-1SA, start: "23:00"';
    expect(windowOf(`{${weekly}}`, {})).toMatchObject({ start: '2027-03-27T22:00', hours: 4 });
  });

  it('cannot be in a freeze, and the error names it with its place', () => {
    const calendars = { 'freeze.ics': freeze('20261122T003000Z', '20270105T000000Z') };
    const window = '{duration: 4h, blackout: [freeze.ics]}';
    expect(windowOf(window, calendars, { at: NOW + 4 * HOUR })).toMatch(
      /^7:37 the freeze "close" of freeze\.ics \(2026-11-22T00:30:00\.000Z to .*\) lies in the window/,
    );
  });

  it.each<[string, string, RegExp]>([
    ['never comes', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', /has no occurrence .* its days are in no calendar/],
    ['is over', 'FREQ=DAILY;UNTIL=20260101', /has no occurrence/],
  ])('that %s is an error', (_, rrule, expected) => {
    expect(windowOf(`{duration: 4h, rrule: ${rrule}, start: "22:00"}`, {})).toMatch(expected);
  });

  it('that freezes take for ever is an error', () => {
    const calendars = { 'freeze.ics': freeze('20200101T000000Z', '20400101T000000Z') };
    expect(windowOf('{duration: 4h, rrule: FREQ=DAILY, start: "22:00", blackout: [freeze.ics]}', calendars)).toMatch(
      /freezes lie in all of its next 1000/,
    );
  });

  it('refuses a calendar that is none, at its place', () => {
    expect(windowOf('{duration: 4h, blackout: [a.ics]}', { 'a.ics': '<html>' })).toMatch(
      /^7:37 a\.ics is no calendar that can be read/,
    );
  });

  it('that the waves can never fit is an error', () => {
    expect(
      errorsOf({ window: '{duration: 1h, reserve: 10m}', waves: '[{name: a, pick: 1, soak: 50m}, {name: b}]' }),
    ).toEqual([expect.stringMatching(/^7:11 wave b cannot end before 5\d min are over, however well all goes/)]);
    expect(
      errorsOf({ window: '{duration: 10m}', clusters: null, select: WEB, waves: '[{name: a, maxParallel: 1}]' }),
    ).toEqual([]);
  });
});
