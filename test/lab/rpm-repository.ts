import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';
import { buildDemoService, DEMO_VERSIONS, type DemoVersion } from './demo-svc.ts';
import { SUITES, type Suite } from './repository.ts';

/*
 * A repository for dnf and zypper with the suites of the apt repository. Packages and metadata are signed:
 *
 *   stable    demo-svc, demo-app and demo-lib 1.0
 *   updates   also their 1.1
 *   broken    also demo-svc 1.2, whose %post fails
 *
 * demo-app needs demo-lib in its own version. Whoever has the repository has the key's public half in `lab.asc`.
 */

interface Rpm {
  name: string;
  version: string;
  /** Lines of the header. */
  header?: readonly string[];
  /** The rest of the spec: what is installed, scripts, files. */
  body?: string;
}

const WHO = 'Tidemark lab <lab@example.invalid>';

/** Builds it at a server path of the tree, in `<directory>/rpm`. */
export async function buildRpmRepository(root: string, directory: string): Promise<void> {
  const work = join(directory, 'work');
  const [inTree, repository] = [join(root, work), join(root, directory, 'rpm')];
  mkdirSync(inTree, { recursive: true });
  const chroot = (...argv: string[]) => runOk(['chroot', root, ...argv], { env: environment(work) });
  const build = async ({ name, version, header = [], body = '%files\n' }: Rpm): Promise<string> => {
    const spec = `Name: ${name}\nVersion: ${version}\nRelease: 1\nSummary: ${name}\nLicense: MIT\nBuildArch: noarch\n${header.join('\n')}\n%description\n${name} of the lab\n${body}`;
    writeFileSync(join(inTree, `${name}.spec`), spec);
    await chroot('rpmbuild', '-bb', '--quiet', '--define', `_topdir ${work}/rpmbuild`, `${work}/${name}.spec`);
    return `${name}-${version}-1.noarch.rpm`;
  };

  // dnf finds its $releasever by who provides this; and the scripts need a shell that some package provides.
  const release = await build({
    name: 'labos-release',
    version: '1',
    header: ['Provides: /bin/sh', 'Provides: system-release = 1'],
  });
  const packages: Record<Suite, string[]> = { stable: [release], updates: [release], broken: [release] };
  for (const version of DEMO_VERSIONS) {
    const suites = SUITES.filter(
      suite => version === '1.0' || (version === '1.1' ? suite !== 'stable' : suite === 'broken'),
    );
    const built = [await build(await demoService(version, work, inTree))];
    if (version !== '1.2')
      built.push(
        await build({ name: 'demo-lib', version }),
        await build({ name: 'demo-app', version, header: [`Requires: demo-lib = ${version}`] }),
      );
    for (const suite of suites) packages[suite].push(...built);
  }

  const rpms = join(inTree, 'rpmbuild/RPMS/noarch');
  mkdirSync(join(inTree, 'gnupg'), { mode: 0o700 });
  await chroot('gpg', '--batch', '--quiet', '--passphrase', '', '--quick-gen-key', WHO, 'rsa2048', 'sign', '0');
  const signed = readdirSync(rpms).map(name => `${work}/rpmbuild/RPMS/noarch/${name}`);
  await chroot('rpmsign', '--define', `_gpg_name ${WHO}`, '--define', '__gpg /usr/bin/gpg', '--addsign', ...signed);
  for (const suite of SUITES) {
    mkdirSync(join(repository, suite), { recursive: true });
    for (const name of packages[suite]) copyFileSync(join(rpms, name), join(repository, suite, name));
    await chroot('createrepo_c', '--quiet', `${directory}/rpm/${suite}`);
    const metadata = `${directory}/rpm/${suite}/repodata/repomd.xml`;
    await chroot('gpg', '--batch', '--quiet', '--detach-sign', '--armor', metadata);
    await chroot('gpg', '--batch', '--quiet', '--armor', '--output', `${metadata}.key`, '--export');
    cpSync(join(repository, suite, 'repodata/repomd.xml.key'), join(repository, 'lab.asc'));
  }
  await chroot('gpgconf', '--kill', 'all');
  rmSync(inTree, { recursive: true });
}

/** With the very files of the Debian package. */
async function demoService(version: DemoVersion, work: string, inTree: string): Promise<Rpm> {
  mkdirSync(join(inTree, 'deb'), { recursive: true });
  await buildDemoService(version, join(inTree, 'deb'), join(inTree, 'deb'));
  const failing =
    version === '1.2' ? '[ -e /etc/demo-svc/fixed ] || { echo "demo-svc: migration failed" >&2; exit 1; }\n' : '';
  return {
    name: 'demo-svc',
    version,
    body: `%install
mkdir -p %{buildroot}/usr/lib
cp -r ${work}/deb/demo-svc_${version}/etc ${work}/deb/demo-svc_${version}/usr %{buildroot}/
cp -r ${work}/deb/demo-svc_${version}/lib/systemd %{buildroot}/usr/lib/
%post
${failing}[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable -q demo-svc
systemctl restart demo-svc
%preun
if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then systemctl disable -q --now demo-svc; fi
%files
%config(noreplace) /etc/demo-svc/demo.conf
/usr/bin/demo-svc
/usr/lib/systemd/system/demo-svc.service
`,
  };
}

const environment = (work: string): NodeJS.ProcessEnv => ({
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C.UTF-8',
  HOME: work,
  GNUPGHOME: `${work}/gnupg`,
});
