import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { accepted } from '@tidemark/shared/orders/frontier.ts';
import type { Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Journal, openJournal } from './journal.ts';

const DIGEST: Digest = `sha256:${'a'.repeat(64)}`;
const BODY: ReportBody = { type: 'order-accepted', orderDigest: DIGEST };

let directory: string;
let file: string;
let told: Report[];
let journal: Journal;

const open = () =>
  openJournal({
    file,
    onReport: report => told.push(report),
    onFull: () => false,
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-journal-'));
  file = join(directory, 'journal.sqlite');
  told = [];
  journal = open();
});

afterEach(() => {
  journal.close();
  rmSync(directory, { recursive: true, force: true });
});

const order = { digest: DIGEST, plan: DIGEST, bytes: Buffer.from('bytes'), acceptedAt: 5, standing: accepted() };
const step = { orderDigest: DIGEST, job: 0, direction: 'forward' as const, attempt: 1, directory: 'd' };

describe('the journal', () => {
  it('keeps all of a transaction or nothing of it, and tells no report of one that failed', () => {
    expect(() =>
      journal.write(tx => {
        tx.addOrder(order);
        tx.report(BODY, 1);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([journal.order(DIGEST), journal.lastReports(9), told]).toEqual([null, [], []]);
  });

  it('has an order once, for ever', () => {
    journal.write(tx => tx.addOrder(order));
    expect(() => journal.write(tx => tx.addOrder(order))).toThrow(/UNIQUE/);
    expect(journal.order(DIGEST)).toMatchObject({ acceptedAt: 5, standing: accepted() });
  });

  it('has a step once for each attempt and direction', () => {
    journal.write(tx => {
      tx.addOrder(order);
      tx.addStep(step, 1);
    });
    expect(() => journal.write(tx => tx.addStep(step, 2))).toThrow(/UNIQUE/);
    journal.write(tx => tx.addStep({ ...step, attempt: 2 }, 2));
    journal.write(tx => tx.addStep({ ...step, direction: 'undo' }, 3));
    const [first] = journal.openSteps();
    journal.write(tx => tx.endStep(first?.id ?? 0, 'failed', 4));
    expect(journal.openSteps()).toHaveLength(2);
    expect(journal.steps(DIGEST)[0]).toMatchObject({ outcome: 'failed', intentAt: 1, resultAt: 4 });
  });

  it('knows the same after it was opened again', () => {
    journal.write(tx => {
      tx.addOrder(order);
      tx.setMark({ epoch: 3, sequence: 9 });
      tx.raiseTimeFloor(77);
      tx.report(BODY, 1);
    });
    journal.close();
    journal = open();
    expect(journal.openStandings()).toEqual([{ digest: DIGEST, standing: accepted() }]);
    expect(journal.mark()).toEqual({ epoch: 3, sequence: 9 });
    expect(journal.timeFloor()).toBe(77);
    expect(journal.reportsAfter(0, 9)).toEqual([{ sequence: 1, atMs: 1, body: BODY }]);
  });

  it('never lowers its time floor', () => {
    journal.write(tx => tx.raiseTimeFloor(100));
    journal.write(tx => tx.raiseTimeFloor(50));
    expect(journal.timeFloor()).toBe(100);
  });

  it('does not list orders that are over as open', () => {
    journal.write(tx => tx.addOrder(order));
    journal.write(tx =>
      tx.setStanding(DIGEST, { state: 'halted', frontier: 1, position: 0, begun: true, outcome: 'failed' }),
    );
    expect(journal.openStandings()).toHaveLength(1);
    journal.write(tx => tx.setStanding(DIGEST, { state: 'finished', length: 1 }));
    expect(journal.openStandings()).toEqual([]);
    expect(journal.orders()).toHaveLength(1);
  });

  it('never gives a sequence twice, also when all reports are gone', () => {
    for (let at = 1; at <= 300; at++) journal.write(tx => tx.report(BODY, at));
    journal.write(tx => tx.acknowledge(300));
    expect(journal.unacknowledged()).toBe(0);
    expect(journal.reportsAfter(0, 1_000)[0]?.sequence).toBe(45);
    journal.write(tx => tx.report(BODY, 301));
    expect(journal.lastReports(1)[0]?.sequence).toBe(301);
  });

  it('goes on after what the controller has seen where the journal was set back', () => {
    journal.write(tx => tx.continueAfter(500));
    journal.write(tx => tx.report(BODY, 1));
    expect(journal.lastSequence()).toBe(501);
  });

  it('gives bytes in reports back as bytes', () => {
    const output = { size: 3, digest: Buffer.alloc(32, 1), head: new Uint8Array([0, 255]), tail: Buffer.alloc(0) };
    const body: ReportBody = {
      type: 'job',
      orderDigest: DIGEST,
      job: 0,
      attempt: 1,
      direction: 'forward',
      kind: 'succeeded',
      message: 'm',
      facts: { a: [1, null] },
      output,
    };
    journal.write(tx => tx.report(body, 1));
    const [kept] = journal.lastReports(1);
    expect(kept?.body).toEqual({ ...body, output: { ...output, head: Buffer.from([0, 255]) } });
  });

  it('of a newer agent is left alone', () => {
    journal.close();
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(open).toThrow(/newer agent/);
    journal = openJournalOf(3);
  });

  it.each([1, 2])('of format %i, of an older agent, keeps what it has and goes on', version => {
    journal.write(tx => {
      tx.addOrder(order);
      tx.addStep(step, 6);
    });
    journal.close();
    journal = openJournalOf(version);
    expect(journal.openSteps()).toMatchObject([{ ...step, resumes: 0 }]);
    journal.write(tx => tx.moveStep(1, { directory: 'e', resumes: 2 }));
    journal.close();
    journal = open();
    expect(journal.openSteps()).toMatchObject([{ directory: 'e', resumes: 2 }]);
  });
});

/** As an agent of that time has left it. */
function openJournalOf(version: number): Journal {
  const database = new DatabaseSync(file);
  if (version < 3) database.exec('ALTER TABLE steps DROP COLUMN resumes');
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
  return open();
}
