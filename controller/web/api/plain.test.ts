import { expect, it } from 'vitest';
import { parsePlain, plain, plainBytes } from './plain.ts';

it.each([
  ['an escape of a terminal', '\u001b[31mred', '\\u001b[31mred'],
  ['a text that is turned around', 'exe\u202egpj', 'exe\\u202egpj'],
  ['what is not seen', 'web\u200b01', 'web\\u200b01'],
  ['lines and columns, which stay', 'a\tb\nc', 'a\tb\nc'],
  ['HTML, which is text already', '<b onclick=x>', '<b onclick=x>'],
  ['letters of any script', 'Prüfung 検査 ✓', 'Prüfung 検査 ✓'],
])('writes out %s', (_, text, shown) => {
  expect(plain(text)).toBe(shown);
  expect(parsePlain(JSON.stringify({ a: [text] }))).toEqual({ a: [shown] });
});

it('shows bytes that are no text, and lines of Windows', () => {
  expect(plainBytes(Buffer.from('one\r\ntwo\u001b[2J').toString('base64'))).toBe('one\ntwo\\u001b[2J');
  expect(plainBytes(Buffer.from([0xff, 0x41]).toString('base64'))).toBe('\ufffdA');
});
