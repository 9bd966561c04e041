import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runOk } from './command.ts';

/*
 * `demo-svc`: a Debian package with a systemd service and a configuration file, in three versions. 1.2 is broken: its
 * postinst fails as long as /etc/demo-svc/fixed is not there. Every start leaves a line in /var/lib/demo-svc/marks, so
 * that tests count what happened on the host, whatever anybody reported.
 */

export const DEMO_VERSIONS = ['1.0', '1.1', '1.2'] as const;
export type DemoVersion = (typeof DEMO_VERSIONS)[number];

interface PackageFile {
  name: string;
  content: string;
  mode?: number;
}

const filesOf = (version: DemoVersion): PackageFile[] => [
  {
    name: 'DEBIAN/control',
    content: `Package: demo-svc
Version: ${version}
Architecture: all
Maintainer: Tidemark lab <lab@example.invalid>
Depends: systemd
Section: admin
Priority: optional
Description: demo service ${version}
`,
  },
  { name: 'DEBIAN/conffiles', content: '/etc/demo-svc/demo.conf\n' },
  {
    name: 'DEBIAN/postinst',
    mode: 0o755,
    content: `#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
${version === '1.2' ? '[ -e /etc/demo-svc/fixed ] || { echo "demo-svc: migration failed" >&2; exit 1; }' : ''}
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable -q demo-svc
deb-systemd-invoke restart demo-svc
`,
  },
  {
    name: 'DEBIAN/prerm',
    mode: 0o755,
    content: `#!/bin/sh
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable -q --now demo-svc; fi
`,
  },
  { name: 'etc/demo-svc/demo.conf', content: `version_in_conf=${version}\nport=8099\n` },
  {
    name: 'usr/bin/demo-svc',
    mode: 0o755,
    content: `#!/bin/sh
mkdir -p /var/lib/demo-svc
echo "start ${version}" >>/var/lib/demo-svc/marks
echo "demo-svc ${version} started"
exec sleep infinity
`,
  },
  {
    name: 'lib/systemd/system/demo-svc.service',
    content: `[Unit]
Description=Demo service

[Service]
ExecStart=/usr/bin/demo-svc
Restart=on-failure

[Install]
WantedBy=multi-user.target
`,
  },
];

/** Builds one version into `directory` and gives the path of the .deb. */
export async function buildDemoService(version: DemoVersion, work: string, directory: string): Promise<string> {
  const tree = join(work, `demo-svc_${version}`);
  for (const { name, content, mode = 0o644 } of filesOf(version)) {
    const file = join(tree, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }
  const built = join(directory, `demo-svc_${version}_all.deb`);
  await runOk(['dpkg-deb', '--root-owner-group', '-Zgzip', '--build', tree, built]);
  return built;
}
