import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { aptSource } from './base.ts';
import type { Host } from './host.ts';
import { withHosts } from './lab.ts';
import { describeCut, planCut } from './power-cuts.ts';
import { PowerLab } from './power-hosts.ts';

/* Ten cuts at moments that are new in each run; `npm run lab:powercuts` does as many as one likes. */

const HOSTS = 5;
/** A round is an upgrade of five hosts at once, and a second one after the cuts. */
const ROUND_MS = 600_000;
const ROUNDS = [0, 1];
const seed = randomBytes(4).toString('hex');

describe('what a power cut between two writes of dpkg leaves', () => {
  it(
    'is made well by the upgrade that it belongs to: triggers that nobody has run',
    () =>
      withHosts({ count: 1 }, async ({ first: host }) => {
        const upgrade = await withUpdates(host);
        await host.execOk(['sh', '-c', `${DOWNLOAD} && dpkg --no-triggers --unpack libexpat1_*.deb`]);
        expect(await host.execOk(['dpkg', '--audit'])).toContain('libc-bin');
        expect(await upgrade()).toMatchObject({ outcome: 'succeeded' });
        expect(await host.execOk(['dpkg', '--audit'])).toBe('');
      }),
    ROUND_MS,
  );

  // Written as the status before the one that says that all is unpacked: lib/dpkg, unpack.c.
  it.each(['unpacked', 'half-installed'])(
    'is made well by the upgrade that it belongs to: unpacked as far as %s, and to be unpacked again',
    state =>
      withHosts({ count: 1 }, async ({ first: host }) => {
        const upgrade = await withUpdates(host);
        await host.execOk(['sh', '-c', `${DOWNLOAD} && dpkg --no-triggers --unpack libexpat1_*.deb`]);
        const marked = host
          .read('/var/lib/dpkg/status')
          .replace(/^(Package: libexpat1\nStatus: install )ok unpacked$/m, `$1reinstreq ${state}`);
        host.write('/var/lib/dpkg/status', marked);
        expect(await host.execOk(['dpkg', '--audit'])).toContain('They must be reinstalled');
        expect(await upgrade()).toMatchObject({ outcome: 'succeeded' });
        expect(await host.execOk(['dpkg', '--audit'])).toBe('');
      }),
    ROUND_MS,
  );
});

const DOWNLOAD = 'cd /var/tmp && apt-get -qq download libexpat1';

/** A host with an old demo-svc and libexpat1, and the step that upgrades both. */
async function withUpdates(host: Host): Promise<() => ReturnType<typeof runStep>> {
  await host.execOk(['apt-get', '-qq', 'update']);
  await host.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
  host.write('/etc/apt/sources.list', aptSource('updates'));
  const refreshed = await runStep(host, { kind: 'package/refresh', args: { lockWaitMs: 0 } });
  expect(refreshed).toMatchObject({ outcome: 'succeeded' });
  const newest = await host.execOk(['sh', '-c', "apt-cache policy libexpat1 | sed -n 's/^ *Candidate: //p'"]);
  const packages = [
    { name: 'demo-svc', version: '1.1', architecture: null, sha256: null },
    { name: 'libexpat1', version: newest.trim(), architecture: null, sha256: null },
  ];
  const args = { packages, conffiles: 'keep', others: 'refuse', lockWaitMs: 0 } as const;
  return () => runStep(host, { kind: 'package/upgrade', args });
}

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
