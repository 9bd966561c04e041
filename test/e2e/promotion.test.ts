import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Night } from '../support/night.ts';

const RINGS = `apiVersion: tidemark/v1
kind: Rings
spec:
  rings:
    - name: test
    - name: branches
      needs: {hosts: 1, successShare: 100%, noOpenIncidents: true, signOff: {from: [ada], notAuthor: false}}
    - name: vault
`;

describe('a bundle on its way through the rings', () => {
  let night: Night;

  beforeAll(async () => {
    night = await Night.prepare({
      hosts: [{ name: 'one', product: 'alpha' }],
      waves: '    - {name: all, maxParallel: 5}',
    });
    writeFileSync(night.fleet.path('rings.yaml'), RINGS);
  });

  afterAll(async () => {
    await night?.stop();
  });

  it('runs while it is not held, goes on once it has run and is signed for, and no further than its ring', async () => {
    const { fleet } = night;
    const wrong = RINGS.replace('noOpenIncidents', 'noOpenIncident');
    writeFileSync(fleet.path('wrong.yaml'), wrong);
    const refused = await fleet.cli('ring', 'apply', fleet.path('wrong.yaml'));
    expect(refused.stderr).toContain('wrong.yaml:7:');
    expect(refused.stderr).toContain('did you mean "noOpenIncidents"?');
    await fleet.cliOk('ring', 'apply', fleet.path('rings.yaml'));
    expect(await fleet.cliOk('get', 'rings')).toMatch(/branches\s+-\s+1\s+100 %\s+none open\s+1 of ada/);

    // An approved plan does not run while its bundle is held.
    await fleet.cliOk('plan', fleet.path('policy.yaml'), '--out', fleet.path('plan.json'));
    await fleet.cliOk('approve', fleet.path('plan.json'), '--key', fleet.path('approver.pem'));
    await fleet.cliOk('bundle', 'hold', 'next', '--reason', 'breaks the ledger');
    for (const command of [
      ['apply', fleet.path('plan.json')],
      ['plan', fleet.path('policy.yaml')],
      ['bundle', 'promote', 'next', '--to', 'branches'],
    ]) {
      const held = await fleet.cli(...command);
      expect(held.code).toBe(1);
      expect(held.stderr).toMatch(/bundle next is held by \S+: breaks the ledger/);
    }
    await fleet.cliOk('bundle', 'release', 'next', '--reason', 'it was another one');

    const early = await fleet.cli('bundle', 'promote', 'next', '--to', 'branches');
    expect(early.stderr).toContain('1 servers patched in test: 0 so far');
    const { run } = await fleet.cliJson<{ run: string }>('apply', fleet.path('plan.json'));
    expect((await night.watch(run)).code).toBe(0);
    await fleet.cliOk('bundle', 'create', 'prior', '--release', 'alpha@1.0.0');
    expect(await fleet.cliOk('bundle', 'rollout')).toMatch(
      /^CLUSTER OR HOST\s+next \(test\)\s+prior \(test\)\none\s+1\/1\s+0\/1 \(1 newer\)\n$/,
    );
    expect((await fleet.cli('bundle', 'rollout', 'nxt')).stderr).toContain('there is no bundle nxt');
    const unsigned = await fleet.cli('bundle', 'promote', 'next', '--to', 'branches');
    expect(unsigned.stderr).toContain('It needs 1 signatures of ada: none.');
    expect(await fleet.cliOk('describe', 'bundle', 'next')).toMatch(/yes {2}100 % of the servers patched: 1 of 1/);
    const signed = await fleet.cliOk('bundle', 'sign', 'next', '--key', fleet.keyOf('ada'));
    expect(signed).toContain('tidemark bundle promote next --to branches');
    expect(await fleet.cliOk('bundle', 'promote', 'next', '--to', 'branches')).toMatch(/ring:\s+branches, since/);

    const byRing = (ring: string) =>
      writeFileSync(fleet.path('ring.yaml'), night.policyText().replace('{name: next}', `{ring: ${ring}}`));
    byRing('vault');
    expect((await fleet.cli('plan', fleet.path('ring.yaml'))).stderr).toContain(
      'no bundle has been promoted to vault yet',
    );
    byRing('branches');
    expect((await fleet.cli('plan', fleet.path('ring.yaml'))).stderr).toContain('nothing is left to patch');
    await fleet.cliOk('bundle', 'withdraw', 'next', '--reason', 'the vendor took it back');
    expect(await fleet.cliOk('get', 'bundles')).toMatch(/next\s+branches\s+withdrawn/);
    await fleet.cliOk('audit', 'verify');
  });
});
