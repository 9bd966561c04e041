import { describe, expect, it } from 'vitest';
import { createDryRuns } from './dry-runs.ts';

const RESULT = {
  ...{ manager: 'apt', changes: [], others: [], downloadBytes: 0, unpackedBytes: 0 },
  ...{ refused: [], conffiles: [], restarts: [] },
};

function started(connected = true, waitMs = 10_000) {
  const sent: { hostId: string; request: string; wish: string }[] = [];
  let ids = 0;
  const runs = createDryRuns({
    agents: async () => new Map([['web01', { id: 'h1' }]]),
    send: (hostId, { request, wish }) => {
      sent.push({ hostId, request, wish: Buffer.from(wish).toString('utf8') });
      return connected;
    },
    newId: () => `r${++ids}`,
    waitMs,
  });
  return { runs, sent };
}
const settled = () => new Promise(resolve => setImmediate(resolve));

describe('dry runs', () => {
  it('give what the agent of the host answers', async () => {
    const { runs, sent } = started();
    const asked = runs.dryRun({ host: 'web01', calls: null });
    await settled();
    expect(sent).toEqual([{ hostId: 'h1', request: 'r1', wish: '{"calls":null}' }]);
    runs.answered({ hostId: 'h1', request: 'r1', result: RESULT, message: '' });
    expect(await asked).toEqual({ ok: true, value: RESULT });
  });

  it('take no answer from another host, and none that is not what was asked for', async () => {
    const { runs } = started();
    const asked = runs.dryRun({ host: 'web01', calls: null });
    await settled();
    runs.answered({ hostId: 'h2', request: 'r1', result: RESULT, message: '' });
    runs.answered({ hostId: 'h1', request: 'r7', result: RESULT, message: '' });
    runs.answered({ hostId: 'h1', request: 'r1', result: { changes: 'all' }, message: '' });
    expect(await asked).toMatchObject({ ok: false, error: { code: 'refused' } });
  });

  it('say why there is no answer', async () => {
    const { runs } = started();
    const asked = runs.dryRun({ host: 'web01', calls: null });
    await settled();
    runs.answered({ hostId: 'h1', request: 'r1', result: null, message: 'no package manager' });
    expect(await asked).toMatchObject({ ok: false, error: { code: 'refused', message: 'no package manager' } });
    expect(await runs.dryRun({ host: 'web09', calls: null })).toMatchObject({ error: { code: 'host-unknown' } });
    const away = started(false);
    expect(await away.runs.dryRun({ host: 'web01', calls: null })).toMatchObject({ error: { code: 'not-connected' } });
    const silent = started(true, 1);
    expect(await silent.runs.dryRun({ host: 'web01', calls: null })).toMatchObject({ error: { code: 'no-answer' } });
  });
});
