import { describe, expect, it } from 'vitest';
import { readMembers } from './patroni.ts';
import { controlValue, positionOf } from './postgres-pair.ts';

describe('what patronictl lists', () => {
  // Recorded from Patroni 3.0.2.
  const LIST = `[{"Cluster": "paydb", "Member": "pt1", "Host": "10.77.1.2", "Role": "Leader", "State": "running", "TL": 1},
    {"Cluster": "paydb", "Member": "pt2", "Host": "10.77.1.3", "Role": "Replica", "State": "streaming", "TL": 1, "Lag in MB": 0},
    {"Cluster": "paydb", "Member": "pt3", "Host": "10.77.1.4", "Role": "Replica", "State": "stopped", "Lag in MB": "unknown"}]`;

  it('says who leads, who follows and how far behind', () => {
    expect(readMembers(LIST)).toEqual([
      { name: 'pt1', leads: true, follows: false, lagBytes: null },
      { name: 'pt2', leads: false, follows: true, lagBytes: 0 },
      { name: 'pt3', leads: false, follows: false, lagBytes: null },
    ]);
  });

  it.each(['', 'Error: no cluster', '{}', '[{}]'])('and is nothing else: %j', text => {
    expect(() => readMembers(text)).toThrow();
  });
});

describe('positions in a write-ahead log', () => {
  it('are compared as numbers of 64 bits', () => {
    expect(positionOf('0/3000028')).toBe(0x3000028n);
    expect(positionOf('1/0') > positionOf('0/FFFFFFFF')).toBe(true);
    expect(positionOf('A/1') > positionOf('9/FFFFFFFF')).toBe(true);
  });

  it.each(['', '0', '0/', 'x/1', '0/123456789', '1/2/x'])('%j is none', text => {
    expect(() => positionOf(text)).toThrow(/no position/);
  });
});

it('pg_controldata is read by its names', () => {
  const said = 'Database cluster state:               shut down\nLatest checkpoint location:           0/4000028\n';
  expect(controlValue(said, 'Database cluster state')).toBe('shut down');
  expect(controlValue(said, 'Latest checkpoint location')).toBe('0/4000028');
  expect(() => controlValue(said, 'Latest checkpoint')).toThrow(/says nothing of/);
});
