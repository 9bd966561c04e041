import { expect, it } from 'vitest';
import { forecastLines } from './forecast.ts';

const END = { p50: '2026-03-21T23:10:00.000Z', p90: '2026-03-21T23:40:00.000Z' };

it('says when a night ends, with how much room, and what would help', () => {
  const binds = [
    { limit: 'maxParallel of wave rest', is: 4, raisedTo: 6, end: '2026-03-21T22:40:00.000Z', earlierMs: 1_800_000 },
  ];
  expect(forecastLines({ repetitions: 200, end: END, marginMs: 5_400_000, late: [], binds })).toEqual([
    'Forecast of 200 nights in which nothing fails',
    'ends at 2026-03-21 23:10:00Z, nine times of ten by 2026-03-21 23:40:00Z',
    "that is 1h30m before the window's end without its reserve",
    'maxParallel of wave rest 4 binds: 6 would end at 2026-03-21 22:40:00Z, 30m00s earlier',
  ]);
});

it('names the hosts that do not fit, and counts the rest', () => {
  const late = Array.from({ length: 12 }, (_, index) => ({ host: `web${index}`, share: 0.255, reason: 'too late' }));
  const lines = forecastLines({ repetitions: 200, end: END, marginMs: -60_000, late, binds: [] });
  expect(lines[2]).toBe("that is 1m00s after the window's end without its reserve");
  expect(lines[4]).toBe('  web0 in 26 %: too late');
  expect(lines.at(-1)).toBe('  and 2 more');
});
