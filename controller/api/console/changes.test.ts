import { expect, it } from 'vitest';
import { ChangeFeed, changedTopics, decodeVersions, encodeVersions, type Versions } from './changes.ts';

it.each([
  ['nothing is known of before', null, { a: '1', b: '2' }, ['a', 'b']],
  ['nothing has changed', { a: '1' }, { a: '1' }, []],
  ['one has changed', { a: '1', b: '2' }, { a: '1', b: '3' }, ['b']],
  ['one has begun and one has ended', { a: '1' }, { b: '1' }, ['a', 'b']],
])('says what is to be read again where %s', (_, before, now, topics) => {
  expect(changedTopics(before, now)).toEqual(topics);
});

it('sends what was seen as an id and understands it again, and nothing that is none', () => {
  const versions = { audit: '7', 'run:r12': '99 paused', hosts: 'a&b=c\nd' };
  expect(encodeVersions(versions)).not.toMatch(/[\r\n\0]/);
  expect(decodeVersions(encodeVersions(versions))).toEqual(versions);
  for (const none of [undefined, '', 'x'.repeat(8_193)]) expect(decodeVersions(none)).toBeNull();
});

it('asks once for all who listen, goes on after an error, and ends with the last of them', async () => {
  let asked = 0;
  const troubles: unknown[] = [];
  const feed = new ChangeFeed(
    async () => {
      asked += 1;
      if (asked === 2) throw new Error('the database is away');
      return { audit: String(asked) };
    },
    error => troubles.push(error),
    1,
  );
  const seen: Versions[][] = [[], []];
  await new Promise<void>(done => {
    const ends = seen.map((list, index) =>
      feed.listen(versions => {
        list.push(versions);
        if (index === 1 && list.length === 2) {
          for (const end of ends) end();
          done();
        }
      }),
    );
  });
  expect(seen).toEqual([
    [{ audit: '1' }, { audit: '3' }],
    [{ audit: '1' }, { audit: '3' }],
  ]);
  await new Promise(resolve => setTimeout(resolve, 20));
  expect([asked, feed.listening, troubles.map(String)]).toEqual([3, 0, ['Error: the database is away']]);
});
