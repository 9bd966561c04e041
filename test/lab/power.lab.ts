import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { aptSource } from './base.ts';
import { withHosts } from './lab.ts';
import { describeCut, planCut } from './power-cuts.ts';
import { PowerLab } from './power-hosts.ts';

/* Ten cuts at moments that are new in each run; `npm run lab:powercuts` does as many as one likes. */

const HOSTS = 5;
/** A round is an upgrade of five hosts at once, and a second one after the cuts. */
const ROUND_MS = 600_000;
const ROUNDS = [0, 1];
const seed = randomBytes(4).toString('hex');

describe('a package whose triggers were left over by a power cut between two runs of dpkg', () => {
  it(
    'is made well by the upgrade that it belongs to',
    () =>
      withHosts({ count: 1 }, async ({ first: host }) => {
        await host.execOk(['apt-get', '-qq', 'update']);
        await host.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
        host.write('/etc/apt/sources.list', aptSource('updates'));
        expect(await runStep(host, { kind: 'package/refresh', args: { lockWaitMs: 0 } })).toMatchObject({
          outcome: 'succeeded',
        });
        const unpack = 'cd /var/tmp && apt-get -qq download libexpat1 && dpkg --no-triggers --unpack libexpat1_*.deb';
        await host.execOk(['sh', '-c', unpack]);
        expect(await host.execOk(['dpkg', '--audit'])).toContain('libc-bin');
        const version = (await host.execOk(['sh', '-c', 'dpkg-deb -f /var/tmp/libexpat1_*.deb Version'])).trim();
        const packages = [
          { name: 'demo-svc', version: '1.1', architecture: null, sha256: null },
          { name: 'libexpat1', version, architecture: null, sha256: null },
        ];
        const args = { packages, conffiles: 'keep', others: 'refuse', lockWaitMs: 0 };
        expect(await runStep(host, { kind: 'package/upgrade', args })).toMatchObject({ outcome: 'succeeded' });
        expect(await host.execOk(['dpkg', '--audit'])).toBe('');
      }),
    ROUND_MS,
  );
});

describe('an upgrade whose power goes at a random moment', () => {
  let lab: PowerLab;

  beforeAll(async () => {
    lab = await PowerLab.start(HOSTS, () => undefined);
  }, ROUND_MS);

  afterAll(() => lab?.fleet.down());

  it.each(ROUNDS)(
    `10: leaves exact versions and nothing half done, seed ${seed}, round %i`,
    async round => {
      const cuts = Array.from({ length: HOSTS }, (_, index) => planCut(seed, round * HOSTS + index));
      for (const { cut, findings } of await lab.cutAll(cuts)) {
        const again = `npm run lab:powercuts -- --seed ${seed} --first ${cut.number} --count 1`;
        expect([describeCut(cut), again, ...findings]).toEqual([describeCut(cut), again]);
      }
    },
    ROUND_MS,
  );
});
