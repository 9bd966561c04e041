import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditEntry, CHAIN_START, hashEntry, verifyAudit } from './audit-chain.ts';

function chain(length: number): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let id = 1; id <= length; id++) {
    const previous = entries.at(-1)?.hash ?? CHAIN_START;
    const entry = {
      id,
      atMs: 1_000 * id,
      actor: 'ada',
      action: 'plan.approved',
      subject: `plan ${id}`,
      detail: canonicalJson({ id }),
    };
    entries.push({ ...entry, previous, hash: hashEntry(previous, entry) });
  }
  return entries;
}

const at = (entries: AuditEntry[], id: number): AuditEntry => entries[id - 1] as AuditEntry;

describe('the audit chain', () => {
  it('is intact as written, from its beginning or from a head that was kept', () => {
    const entries = chain(5);
    expect(verifyAudit([])).toMatchObject({ intact: true, head: { entries: 0 } });
    expect(verifyAudit(entries)).toEqual({ intact: true, head: { entries: 5, hash: at(entries, 5).hash } });
    const half = verifyAudit(entries.slice(0, 2));
    expect(verifyAudit(entries.slice(2), half.head)).toEqual(verifyAudit(entries));
  });

  const changes: [string, (entries: AuditEntry[]) => AuditEntry[], number][] = [
    ['an actor changed', e => e.with(2, { ...at(e, 3), actor: 'eve' }), 3],
    ['an action changed', e => e.with(2, { ...at(e, 3), action: 'plan.listed' }), 3],
    ['a subject changed', e => e.with(2, { ...at(e, 3), subject: 'plan 9' }), 3],
    ['a detail changed', e => e.with(2, { ...at(e, 3), detail: '{}' }), 3],
    ['a time changed', e => e.with(2, { ...at(e, 3), atMs: 1 }), 3],
    ['an entry taken out', e => e.toSpliced(2, 1), 4],
    ['the first entry taken out', e => e.slice(1), 2],
    ['an entry taken out and the rest numbered anew', e => e.toSpliced(2, 1).map((x, i) => ({ ...x, id: i + 1 })), 3],
    ['two entries exchanged', e => e.with(2, at(e, 4)).with(3, at(e, 3)), 4],
    ['an entry repeated', e => e.toSpliced(3, 0, at(e, 3)), 3],
    [
      'an entry changed and its hash computed anew',
      e => {
        const forged = { ...at(e, 3), actor: 'eve' };
        return e.with(2, { ...forged, hash: hashEntry(forged.previous, forged) });
      },
      4,
    ],
  ];
  it.each(changes)('shows %s, and where', (_what, change, id) => {
    expect(verifyAudit(change(chain(5)))).toMatchObject({ intact: false, problem: { id } });
  });

  it('shows a cut at the end only to who kept the head', () => {
    const entries = chain(5);
    const kept = verifyAudit(entries).head;
    const cut = verifyAudit(entries.slice(0, 4));
    expect(cut.intact).toBe(true);
    expect(cut.head.entries).toBeLessThan(kept.entries);
  });

  it('shows any single bit that is turned in any hash', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 31 }),
        fc.integer({ min: 0, max: 7 }),
        (index, byte, bit) => {
          const entries = chain(5);
          const entry = at(entries, index + 1);
          const hash = Buffer.from(entry.hash);
          hash[byte] = (hash[byte] ?? 0) ^ (1 << bit);
          expect(verifyAudit(entries.with(index, { ...entry, hash })).intact).toBe(false);
        },
      ),
    );
  });
});
