import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aptSource } from './base.ts';
import { runOk } from './command.ts';
import { buildDemoService } from './demo-svc.ts';
import { LabFleet } from './fleet.ts';
import { GATEWAY, REPOSITORY_PORT } from './places.ts';

/*
 * Repositories as apt-ftparchive, gpg and createrepo_c make them, with real packages of Debian in them, from which real servers
 * were installed: what is learned of them is what lies on those servers.
 */

const REPOSITORY = `http://${GATEWAY}:${REPOSITORY_PORT}`;
/** Real updates of the base tree, with links, documentation and configuration. */
const REAL = ['openssl', 'libzstd1', 'perl-base', 'tzdata'];

interface Known {
  product: string;
  version: string;
  tier: string;
  source: string;
}
interface Described {
  listed: { path: string; kind: string; flags: string[]; sha256: string | null }[];
}

describe('what is learned of repositories', () => {
  let fleet: LabFleet;
  /** Environments of gpg's agents. */
  const agents: NodeJS.ProcessEnv[] = [];

  beforeAll(async () => {
    fleet = await LabFleet.start({
      names: ['deb', 'rpm'],
      familyOf: { rpm: 'rpm' },
      prepare: async host => {
        if (host.name === 'rpm') return void (await host.execOk(['dnf', '-y', '-q', 'install', 'demo-svc']));
        host.write('/etc/apt/sources.list', aptSource('updates'));
        await host.execOk(['apt-get', '-qq', 'update']);
        await host.execOk(['apt-get', '-qq', '-y', 'install', 'demo-svc=1.0', ...REAL]);
      },
    });
    copyFileSync(fleet.host('deb').path('/usr/share/keyrings/lab.gpg'), fleet.desk('lab.gpg'));
    copyFileSync(fleet.host('rpm').path('/etc/pki/rpm-gpg/lab.asc'), fleet.desk('lab.asc'));
  });
  afterAll(async () => {
    await Promise.all(agents.map(env => runOk(['gpgconf', '--kill', 'all'], { env })));
    await fleet?.down();
  });

  const importing = (...args: string[]) => fleet.cliJson<Known[]>('signatures', 'import', ...args);
  const refused = async (...args: string[]) => (await fleet.cli('signatures', 'import', ...args)).stderr;

  it('is nothing as long as nobody trusts who signed them', async () => {
    expect(await refused(REPOSITORY, '--suite', 'updates')).toMatch(/which nobody has added.*signatures key add/);
    expect(await refused(`${REPOSITORY}/rpm/stable`)).toMatch(/which nobody has added.*signatures key add/);
    for (const [file, tier] of [
      ['lab.gpg', 'repository'],
      ['lab.asc', 'vendor'],
    ] as const)
      await fleet.cliOk('signatures', 'key', 'add', file, '--tier', tier);
    expect(await fleet.cliJson('get', 'signatures')).toEqual([]);
  });

  it('is what agents report as installed, in exactly that version', async () => {
    const installed = await fleet.host('deb').execOk(['dpkg-query', '-W', '-f', '$' + '{Package} $' + '{Version}\n']);
    const taken = await importing(REPOSITORY, '--suite', 'updates');
    const names = taken.map(({ product, version }) => `${product} ${version}`);
    for (const each of names) expect(installed.split('\n')).toContain(each);
    expect(taken.map(({ product }) => product)).toEqual(expect.arrayContaining(['demo-svc', ...REAL]));
    expect(new Set(taken.map(({ tier, source }) => `${tier} ${source}`))).toEqual(new Set(['repository deb']));
    expect(names).toContain('demo-svc 1.0');
    expect(names).not.toContain('demo-svc 1.1');
    const [rpm, ...more] = (await importing(`${REPOSITORY}/rpm/updates`)).filter(
      ({ product }) => product === 'demo-svc',
    );
    expect([rpm, more]).toMatchObject([{ version: '1.0-1', tier: 'vendor', source: 'rpm' }, []]);
  });

  it('has every file with the content that it has on the server', async () => {
    const host = fleet.host('deb');
    for (const product of ['demo-svc', ...REAL]) {
      const version = await host.execOk(['dpkg-query', '-W', '-f', '$' + '{Version}', product]);
      const described = await fleet.cliJson<Described[]>('describe', 'signature', `${product}@${version}`);
      const listed = described.flatMap(each => each.listed);
      // Servers of the lab are without documentation.
      const files = listed.filter(({ kind, flags }) => kind === 'file' && !flags.includes('doc'));
      expect([product, files.length > 0]).toEqual([product, true]);
      const sums = await host.execOk(['xargs', '-d', '\\n', 'sha256sum'], {
        input: files.map(({ path }) => path).join('\n'),
      });
      expect(sums.trim().split('\n').sort()).toEqual(files.map(({ path, sha256 }) => `${sha256}  ${path}`).sort());
    }
  });

  it('is of an index that apt takes, and of none that apt refuses', async () => {
    const host = fleet.host('deb');
    const work = fleet.desk('work');
    mkdirSync(work);
    const home = join(work, 'gnupg');
    mkdirSync(home, { mode: 0o700 });
    const env = { ...process.env, GNUPGHOME: home };
    agents.push(env);
    const who = 'Lab two <two@example.invalid>';
    await runOk(['gpg', '--batch', '--quiet', '--passphrase', '', '--quick-gen-key', who, 'ed25519', 'sign', '0'], {
      env,
    });
    await runOk(['gpg', '--batch', '--quiet', '--output', fleet.desk('two.gpg'), '--export'], { env });
    copyFileSync(fleet.desk('two.gpg'), host.path('/usr/share/keyrings/two.gpg'));
    await fleet.cliOk('signatures', 'key', 'add', 'two.gpg', '--tier', 'vendor');

    const mirror = fleet.desk('mirror');
    const lists = join(mirror, 'dists/night/main/binary-amd64');
    mkdirSync(lists, { recursive: true });
    mkdirSync(join(mirror, 'pool'));
    await buildDemoService('1.1', work, join(mirror, 'pool'));
    const packages = await runOk(['apt-ftparchive', 'packages', 'pool'], { cwd: mirror });
    writeFileSync(join(lists, 'Packages'), packages);
    await runOk(['xz', '--keep', join(lists, 'Packages')]);
    const sign = async (day: string, validUntil: string) => {
      const fields = {
        Codename: 'night',
        Architectures: 'amd64',
        Components: 'main',
        Date: day,
      };
      const options = Object.entries(fields).flatMap(([name, value]) => [
        '-o',
        `APT::FTPArchive::Release::${name}=${value}`,
      ]);
      const release = await runOk(['apt-ftparchive', ...options, 'release', 'dists/night'], { cwd: mirror });
      // Which apt-ftparchive can only reckon from now on.
      writeFileSync(join(mirror, 'dists/night/Release'), `Valid-Until: ${validUntil}\n${release}`);
      const clear = ['--clearsign', '--yes', '--output', 'dists/night/InRelease', 'dists/night/Release'];
      await runOk(['gpg', '--batch', '--quiet', ...clear], { cwd: mirror, env });
      cpSync(mirror, host.path('/srv/mirror'), { recursive: true });
    };
    host.write('/etc/apt/sources.list', 'deb [signed-by=/usr/share/keyrings/two.gpg] file:/srv/mirror night main\n');
    const apt = async () => {
      const { code, stdout, stderr } = await host.exec(['apt-get', 'update', '--error-on=any']);
      return `${code} ${stdout}${stderr}`;
    };
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toUTCString().replace('GMT', 'UTC');

    await sign(inDays(-9), inDays(-2));
    expect(await apt()).toMatch(/^100 .*expired/s);
    expect(await refused('mirror', '--all')).toMatch(/its index was valid until/);
    await sign(inDays(-1), inDays(6));
    expect(await apt()).toMatch(/^0 /);
    expect(await importing('mirror', '--all')).toMatchObject([{ product: 'demo-svc', version: '1.1', tier: 'vendor' }]);
    // apt takes one that is older for as long as it has not expired; whoever hides a patch has that long.
    await sign(inDays(-3), inDays(4));
    expect(await refused('mirror', '--all')).toMatch(/was seen before: an old one hides what is newer/);
    // A list that is not the one that was signed.
    await sign(inDays(0), inDays(7));
    await runOk(['truncate', '--size=-4', join(lists, 'Packages.xz')]);
    cpSync(mirror, host.path('/srv/mirror'), { recursive: true });
    expect(await refused('mirror', '--all')).toMatch(/Packages\.xz is not what the signed index says/);
  });
});
