import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plain, plainLines } from './sanitise.ts';

describe('plain', () => {
  it.each([
    ['a colour', '\u001b[31mred\u001b[0m', 'red'],
    ['a title of the window', '\u001b]0;owned\u0007name', 'name'],
    ['a link', '\u001b]8;;http://evil\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['an escape that is cut off', 'x\u001b[', 'x'],
    ['the C1 form of an escape', 'x\u009b31my', 'x31my'],
    ['a direction override', '1.4.0\u202e1.4.1', '1.4.01.4.1'],
    ['an isolate', 'a\u2066b\u2069', 'ab'],
    ['a carriage return that hides what was before', 'failed\rok', 'failedok'],
    ['line breaks', 'one\r\ntwo\n', 'one two'],
    ['zero-width characters', 'db\u200b01', 'db01'],
    ['half a character', 'x\ud800y', 'x\ufffdy'],
    ['text of another script', 'größe 東京 🚀', 'größe 東京 🚀'],
  ])('shows %s as text', (_, given, shown) => {
    expect(plain(given)).toBe(shown);
  });

  it('leaves nothing that a terminal obeys, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not be there
        expect(plain(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not be there
        expect(plainLines(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('changes nothing when it is applied again', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => plain(plain(text)) === plain(text)));
  });
});
