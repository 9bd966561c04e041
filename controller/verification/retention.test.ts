import { describe, expect, it } from 'vitest';
import { expiredFingerprints, type KeptFingerprint } from './retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 30, 12);

const scanned = (id: string, ageMs: number, change: Partial<KeptFingerprint> = {}): KeptFingerprint => ({
  ...{ id, hostId: 'db01', profileDigest: 'p1', finishedMs: NOW - ageMs, isBaseline: false, isAudit: false },
  ...change,
});

const expired = (...all: KeptFingerprint[]) =>
  expiredFingerprints(all, { keepAllDays: 14, keepDailyDays: 92 }, NOW).toSorted();

describe('of fingerprints', () => {
  it('the newest of a host stays, however old it is', () => {
    expect(expired(scanned('only', 900 * DAY))).toEqual([]);
    expect(expired(scanned('newer', 800 * DAY), scanned('older', 900 * DAY))).toEqual(['older']);
  });

  it('the newest under each profile, and of each host, stays', () => {
    const all = [
      scanned('one', 900 * DAY),
      scanned('other profile', 901 * DAY, { profileDigest: 'p2' }),
      scanned('other host', 902 * DAY, { hostId: 'db02' }),
    ];
    expect(expired(...all)).toEqual([]);
  });

  it('all of the last days stay', () => {
    expect(
      expired(scanned('a', HOUR), scanned('b', 2 * HOUR), scanned('c', 13 * DAY), scanned('d', 13 * DAY + HOUR)),
    ).toEqual([]);
  });

  it('the last one of each day stays after that', () => {
    const day = 20 * DAY;
    expect(expired(scanned('now', 0), scanned('evening', day), scanned('noon', day + 3 * HOUR))).toEqual(['noon']);
  });

  it('none but baselines stay when that is over, too', () => {
    const all = [scanned('now', 0), scanned('old', 93 * DAY), scanned('kept', 94 * DAY, { isBaseline: true })];
    expect(expired(...all)).toEqual(['old']);
  });

  it('audits go after a day, also the newest', () => {
    const audit = { isAudit: true, profileDigest: 'a' };
    expect(expired(scanned('fresh', HOUR, audit), scanned('old', 25 * HOUR, audit))).toEqual(['old']);
    expect(expired(scanned('only', 25 * HOUR, audit))).toEqual(['only']);
  });
});
