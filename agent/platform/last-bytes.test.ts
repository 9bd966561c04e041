import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LastBytes } from './last-bytes.ts';

describe('the last bytes', () => {
  it('are those of all that came, however it came in pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.uint8Array({ maxLength: 50 })), (most, pieces) => {
        const last = new LastBytes(most);
        for (const piece of pieces) {
          const sent = Uint8Array.from(piece);
          last.add(sent);
          // The room that it came in is used again.
          sent.fill(0xff);
        }
        expect(last.take()).toEqual(Buffer.concat(pieces).subarray(-most));
      }),
    );
  });
});
