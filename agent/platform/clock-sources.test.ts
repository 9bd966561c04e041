import { describe, expect, it } from 'vitest';
import { readChrony, readNtp, readTimesyncd } from './clock-sources.ts';

describe('what chrony says', () => {
  it.each([
    [
      'of a clock that is slow',
      'C0A80001,192.168.0.1,3,1795291200.123,0.000250000,-0.000010000,0.000020,-3.1,0.0,0.1,0.0004,0.0002,64.2,Normal\n',
      -0.25,
    ],
    [
      'of one whose last measurement was worse than what remains',
      'A,ntp,3,1,0.000001,-0.5,0,0,0,0,0,0,64,Normal',
      -500,
    ],
    ['of one that is exact', 'A,ntp,3,1,0.0,0.0,0,0,0,0,0,0,64,Insert second', -0],
  ])('is read: %s', (_what, text, offsetMs) => {
    expect(readChrony(text)).toMatchObject({ known: true, offsetMs });
  });

  it.each([
    ['without a source', '00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised', /not synchronised/],
    ['with fields missing', 'A,ntp,3,1', /cannot be read/],
    ['with an empty offset', 'A,ntp,3,1,,,0,0,0,0,0,0,64,Normal', /cannot be read/],
    ['nothing', '', /cannot be read/],
  ])('does not count as an answer: %s', (_what, text, why) => {
    const reading = readChrony(text);
    expect(reading).toMatchObject({ known: false, why: expect.stringMatching(why) });
  });
});

describe('what systemd-timesyncd says', () => {
  const status = (offset: string) => `       Server: 10.0.0.1 (ntp)\n       Offset: ${offset}\n        Delay: 1.2ms\n`;
  it.each([
    ['+1.5ms', 1.5],
    ['-310us', -0.31],
    ['+2min 3.5s', 123_500],
    ['-1h 1s', -3_601_000],
    ['0', 0],
  ])('is read: %s', (written, offsetMs) => {
    const reading = readTimesyncd(status(written));
    expect(reading.known && Number(reading.offsetMs.toFixed(6))).toBe(offsetMs);
  });

  it('is no answer before a server has given one', () => {
    expect(readTimesyncd('       Server: n/a (ntp)\n Packet count: 0\n')).toMatchObject({ known: false });
  });

  it('is no answer in a unit that nobody knows', () => {
    expect(readTimesyncd(status('+3fortnights'))).toMatchObject({ known: false });
  });
});

describe('what ntpd says', () => {
  it('is read with the sign turned: it gives the offset of the source', () => {
    expect(readNtp('leap=00, offset=-2.5\n')).toMatchObject({ known: true, offsetMs: 2.5 });
  });

  it.each(['leap=11, offset=0.000', '', 'leap=00'])('is no answer: %j', text => {
    expect(readNtp(text)).toMatchObject({ known: false });
  });
});
