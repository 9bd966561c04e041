import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { runOk } from './command.ts';
import { DEMO_VERSIONS, type DemoVersion } from './demo-svc.ts';

/*
 * A signed repository for apk, in the format of apk-tools 2, which version 3 reads too (apk-v2(5)): a package is three gzip
 * streams one after the other, the signature of the second, what the package says of itself, and its files.
 *
 *   demo-svc   1.0, 1.1, and 1.2, whose scripts fail as long as /etc/demo-svc/fixed is not there
 *   demo-lib, demo-app   1.0 and 1.1; demo-app needs demo-lib in its own version
 */

export interface ApkRepository {
  /** Where `<architecture>/APKINDEX.tar.gz` lies below. */
  directory: string;
  /** For `/etc/apk/keys`, by file name. */
  key: { name: string; pem: string };
  file(name: string, version: string): string;
}

const KEY = 'lab.rsa.pub';
/** 2026-01-01: a package is the same whenever it is built. */
const BUILT = new Date(1_767_225_600_000);

type Entry = [name: string, content: string, mode?: number];

/** `apk` is the program on this machine: only it can make the index. */
export async function buildApkRepository(directory: string, apk: string): Promise<ApkRepository> {
  const architecture = (await runOk([apk, '--print-arch'])).trim();
  const at = join(directory, architecture);
  mkdirSync(at, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = (name: string, version: string) => join(at, `${name}-${version}-r0.apk`);
  for (const version of DEMO_VERSIONS) {
    await writeApk(file('demo-svc', version), privateKey, demoService(version));
    for (const name of version === '1.2' ? [] : ['demo-lib', 'demo-app']) {
      const depends = name === 'demo-app' ? [`depend = demo-lib=${version}-r0`] : [];
      const files: Entry[] = [[`usr/share/${name}/version`, version]];
      await writeApk(file(name, version), privateKey, { name, version, lines: depends, scripts: [], files });
    }
  }
  const index = join(at, 'APKINDEX.tar.gz');
  await runOk([
    'sh',
    '-ec',
    `"$1" index --allow-untrusted --rewrite-arch "$4" --output "$2" "$3"/*.apk`,
    'sh',
    apk,
    index,
    at,
    architecture,
  ]);
  const unsigned = readFileSync(index);
  writeFileSync(index, Buffer.concat([await signature(unsigned, privateKey), unsigned]));
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { directory, key: { name: KEY, pem }, file };
}

interface Package {
  name: string;
  version: string;
  lines: readonly string[];
  scripts: readonly Entry[];
  files: readonly Entry[];
}

function demoService(version: DemoVersion): Package {
  const fails = '[ -e /etc/demo-svc/fixed ] || { echo "demo-svc: migration failed" >&2; exit 1; }\n';
  const script = `#!/bin/sh\n${version === '1.2' ? fails : ''}exit 0\n`;
  return {
    name: 'demo-svc',
    version,
    lines: [],
    scripts: ['.post-install', '.post-upgrade'].map((name): Entry => [name, script, 0o755]),
    files: [
      ['etc/demo-svc/demo.conf', `version_in_conf=${version}\nport=8099\n`],
      ['usr/bin/demo-svc', `#!/bin/sh\necho "demo-svc ${version} started"\nexec sleep infinity\n`, 0o755],
    ],
  };
}

async function writeApk(
  file: string,
  key: KeyObject,
  { name, version, lines, scripts, files }: Package,
): Promise<void> {
  const directories = [...new Set(files.flatMap(([path]) => parentsOf(path)))].sort();
  const data = gzipSync(await tar([...directories.map((path): Entry => [path, '', 0o755]), ...files], 'whole', true));
  const size = files.reduce((sum, [, content]) => sum + content.length, 0);
  const information = [
    ...[`pkgname = ${name}`, `pkgver = ${version}-r0`, `pkgdesc = ${name} of the lab`, 'url = https://example.invalid'],
    ...[`builddate = ${BUILT.getTime() / 1000}`, 'packager = Tidemark lab', `size = ${size}`, 'arch = noarch'],
    ...[`origin = ${name}`, 'license = Apache-2.0', ...lines],
    `datahash = ${createHash('sha256').update(data).digest('hex')}`,
  ];
  const control = gzipSync(await tar([['.PKGINFO', `${information.join('\n')}\n`], ...scripts], 'cut', false));
  writeFileSync(file, Buffer.concat([await signature(control, key), control, data]));
}

const parentsOf = (path: string): string[] => {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`);
};

async function signature(signed: Buffer, key: KeyObject): Promise<Buffer> {
  return gzipSync(await tar([[`.SIGN.RSA.${KEY}`, sign('sha1', signed, key)]], 'cut', false));
}

/** `cut`: without the two blocks at the end, since another stream goes on. Files have their digest in a header of pax. */
async function tar(
  entries: readonly [string, string | Buffer, number?][],
  end: 'cut' | 'whole',
  digests: boolean,
): Promise<Buffer> {
  const packer = pack();
  for (const [name, content, mode = 0o644] of entries) {
    const isDirectory = name.endsWith('/');
    const digest = createHash('sha1').update(content).digest('hex');
    const owner = { uname: 'root', gname: 'root', uid: 0, gid: 0 };
    const pax = digests && !isDirectory ? { pax: { 'APK-TOOLS.checksum.SHA1': digest } } : {};
    const type = isDirectory ? ('directory' as const) : ('file' as const);
    packer.entry({ name, mode, mtime: BUILT, type, ...owner, ...pax }, content);
  }
  packer.finalize();
  const whole = await buffer(packer);
  return end === 'cut' ? whole.subarray(0, whole.length - 1024) : whole;
}
