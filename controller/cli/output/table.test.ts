import { describe, expect, it } from 'vitest';
import { fields, table } from './table.ts';
import { cut, widthOf } from './width.ts';

describe('table', () => {
  it('aligns columns by what a terminal shows and puts a dash where nothing is', () => {
    const rows = [
      { name: '東京', state: 'ok' },
      { name: 'db01', state: null },
    ];
    const lines = table(
      [
        { title: 'NAME', value: row => row.name },
        { title: 'STATE', value: row => row.state },
      ],
      rows,
    );
    expect(lines).toEqual(['NAME  STATE', '東京  ok', 'db01  -']);
  });

  it('keeps a row in one line, whatever is in it', () => {
    expect(table([{ title: 'X', value: (row: string) => row }], ['a\nb\u001b[2J'])).toEqual(['X', 'a b']);
  });

  it('cuts lines that are wider than allowed', () => {
    expect(table([{ title: 'X', value: (row: string) => row }], ['abcdef'], 4)).toEqual(['X', 'abc…']);
  });
});

it('cuts between characters, never inside of one', () => {
  expect(cut('東京都', 4)).toBe('東…');
  expect(cut('abc', 3)).toBe('abc');
  expect(widthOf('e\u0301')).toBe(1);
});

it('aligns fields', () => {
  expect(
    fields([
      ['a', 1],
      ['long name', true],
    ]),
  ).toEqual(['a:         1', 'long name: yes']);
});
