import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mayBecomeRelease, putRelease } from './put-release.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'tidemark-put-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const release = (text: string) => [
  { name: 'agent', bytes: Buffer.from(text), executable: true },
  { name: 'SHA256SUMS', bytes: Buffer.from('sums') },
];

it('is put where nothing is, and takes the place of an earlier one whole', () => {
  const out = join(place, 'a/release');
  putRelease(out, [...release('one'), { name: 'gone', bytes: Buffer.from('x') }]);
  putRelease(out, release('two'));
  expect(readdirSync(out).sort()).toEqual(['SHA256SUMS', 'agent']);
  expect(readFileSync(join(out, 'agent'), 'utf8')).toBe('two');
  expect(statSync(join(out, 'agent')).mode & 0o777).toBe(0o755);
  expect(statSync(join(out, 'SHA256SUMS')).mode & 0o777).toBe(0o644);
  expect(readdirSync(join(place, 'a'))).toEqual(['release']);
});

it('never takes the place of anything else', () => {
  const out = join(place, 'home');
  mkdirSync(out);
  expect(mayBecomeRelease(out)).toBeNull();
  writeFileSync(join(out, 'thesis'), 'years');
  expect(() => putRelease(out, release('one'))).toThrow(
    /holds other things \(thesis\) and no release: nothing there was touched/,
  );
  expect(readFileSync(join(out, 'thesis'), 'utf8')).toBe('years');
  expect(readdirSync(place)).toEqual(['home']);
});
