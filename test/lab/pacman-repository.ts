import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';
import { buildDemoService, DEMO_VERSIONS, type DemoVersion } from './demo-svc.ts';

/*
 * Repositories for pacman, each with one version of a package, as pacman's have:
 *
 *   stable    demo-svc, demo-app and demo-lib 1.0
 *   updates   their 1.1
 *   broken    demo-svc 1.2, whose post_upgrade fails
 *
 * demo-app needs demo-lib in its own version. They are not signed.
 */

const REPOSITORY_OF: Readonly<Record<DemoVersion, string>> = { '1.0': 'stable', '1.1': 'updates', '1.2': 'broken' };
/** 2026-01-01: a package is the same whenever it is built. */
const BUILD_DATE = 1_767_225_600;

/** Builds them at a server path of the tree, in `<directory>/pacman`. */
export async function buildPacmanRepository(root: string, directory: string): Promise<void> {
  const [work, repository] = [join(root, directory, 'work'), join(root, directory, 'pacman')];
  for (const each of [work, repository]) mkdirSync(each, { recursive: true });
  const shell = (inDirectory: string, script: string) =>
    runOk(['chroot', root, 'sh', '-ec', `cd "$1"; ${script}`, 'sh', inDirectory]);

  /** A package of what lies in `<work>/<name>-<version>`. */
  async function build(name: string, version: string, information: readonly string[], files: string): Promise<string> {
    const lines = [
      ...[`pkgname = ${name}`, `pkgbase = ${name}`, `pkgver = ${version}-1`, `pkgdesc = ${name} of the lab`],
      ...[
        'url = https://example.invalid',
        `builddate = ${BUILD_DATE}`,
        'packager = Tidemark lab',
        'size = 4096',
        'arch = any',
      ],
      ...information,
    ];
    writeFileSync(join(work, `${name}-${version}`, '.PKGINFO'), `${lines.join('\n')}\n`);
    const file = `${name}-${version}-1-any.pkg.tar.zst`;
    const keywords = '!all,use-set,type,uid,gid,mode,time,size,sha256,link';
    await shell(
      `${directory}/work/${name}-${version}`,
      `bsdtar -cf - --format=mtree --options='${keywords}' ${files} | gzip -nc >.MTREE; tar --zstd -cf ${directory}/pacman/${file} .MTREE ${files}`,
    );
    return file;
  }

  for (const version of DEMO_VERSIONS) {
    const tree = join(work, `demo-svc-${version}`);
    await buildDemoService(version, work, work);
    for (const part of ['etc', 'usr'])
      cpSync(join(work, `demo-svc_${version}`, part), join(tree, part), { recursive: true });
    cpSync(join(work, `demo-svc_${version}`, 'lib/systemd'), join(tree, 'usr/lib/systemd'), { recursive: true });
    writeFileSync(join(tree, '.INSTALL'), scripts(version));
    const built = [await build('demo-svc', version, ['backup = etc/demo-svc/demo.conf'], '.PKGINFO .INSTALL etc usr')];
    for (const name of version === '1.2' ? [] : ['demo-lib', 'demo-app']) {
      mkdirSync(join(work, `${name}-${version}`, 'usr/share', name), { recursive: true });
      writeFileSync(join(work, `${name}-${version}`, 'usr/share', name, 'version'), version);
      const needs = name === 'demo-app' ? [`depend = demo-lib=${version}`] : [];
      built.push(await build(name, version, needs, '.PKGINFO usr'));
    }
    await shell(`${directory}/pacman`, `repo-add -q ${REPOSITORY_OF[version]}.db.tar.gz ${built.join(' ')}`);
  }
  rmSync(work, { recursive: true });
}

const scripts = (version: DemoVersion): string => `post_install() {
${version === '1.2' ? '  [ -e /etc/demo-svc/fixed ] || { echo "demo-svc: migration failed" >&2; return 1; }' : ''}
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  systemctl enable -q demo-svc
  systemctl restart demo-svc
}
post_upgrade() { post_install; }
pre_remove() {
  [ -d /run/systemd/system ] || return 0
  systemctl disable -q --now demo-svc
}
`;
