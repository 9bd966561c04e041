import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { runOk } from './command.ts';

/*
 * Packages that are kernels to a package manager: four whose versions are newer than any, and the one that this machine
 * runs, which is the oldest. They hold files of that name and nothing that could be booted.
 */

export const NEW_KERNELS = ['90.1', '90.2', '90.3', '90.4'] as const;
const RUNNING = { version: '1.0', release: release() };

/** Installs them in a tree of Debian's, as wanted by nobody by name. Gives how the running one is called. */
export async function installKernelDebs(root: string): Promise<string> {
  const work = join(root, 'var/tmp/kernels');
  const kernels = [...NEW_KERNELS.map(version => ({ version, release: `${version}.0-1-amd64` })), RUNNING];
  for (const { version, release: name } of kernels) {
    const tree = join(work, name);
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    writeFileSync(
      join(tree, 'DEBIAN/control'),
      `Package: linux-image-${name}\nVersion: ${version}-1\nArchitecture: all\nMaintainer: Tidemark lab <lab@example.invalid>\nDescription: kernel\n`,
    );
    writeImage(tree, name);
    await runOk(['dpkg-deb', '--root-owner-group', '-Zgzip', '--build', tree, `${tree}.deb`]);
  }
  const debs = kernels.map(each => `/var/tmp/kernels/${each.release}.deb`);
  await runOk(['chroot', root, 'dpkg', '--install', ...debs]);
  await runOk(['chroot', root, 'apt-mark', 'auto', ...kernels.map(each => `linux-image-${each.release}`)]);
  rmSync(work, { recursive: true });
  return `linux-image-${RUNNING.release}`;
}

/** As {@link installKernelDebs}, in a tree of rpm's, of which the package name is the same in all versions. */
export async function installKernelRpms(root: string): Promise<string> {
  const work = join(root, 'var/tmp/kernels');
  mkdirSync(work, { recursive: true });
  const kernels = [...NEW_KERNELS.map(version => ({ version, release: `${version}-1.noarch` })), RUNNING];
  const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/' };
  for (const { version, release: name } of kernels) {
    writeImage(join(work, name), name);
    writeFileSync(join(work, 'kernel.spec'), kernelSpec(version, name, `/var/tmp/kernels/${name}`));
    const built = ['--define', '_topdir /var/tmp/kernels/rpmbuild', '/var/tmp/kernels/kernel.spec'];
    await runOk(['chroot', root, 'rpmbuild', '-bb', '--quiet', ...built], { env: environment });
  }
  const rpms = kernels.map(
    ({ version }) => `/var/tmp/kernels/rpmbuild/RPMS/noarch/kernel-default-${version}-1.noarch.rpm`,
  );
  await runOk(['chroot', root, 'rpm', '--install', '--force-debian', ...rpms], { env: environment });
  rmSync(work, { recursive: true });
  // As SUSE ships it: without it zypper keeps all.
  mkdirSync(join(root, 'etc/zypp'), { recursive: true });
  writeFileSync(
    join(root, 'etc/zypp/zypp.conf'),
    '[main]\nmultiversion = provides:multiversion(kernel)\nmultiversion.kernels = latest,latest-1,running\n',
  );
  return 'kernel-default';
}

function writeImage(tree: string, name: string): void {
  const modules = join(tree, 'usr/lib/modules', name);
  for (const directory of [join(tree, 'boot'), modules]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(tree, `boot/vmlinuz-${name}`), Buffer.alloc(256 * 1024, name));
  writeFileSync(join(modules, 'modules.order'), '');
}

/** What dnf and zypper know a kernel by. */
const kernelSpec = (version: string, name: string, files: string): string => `Name: kernel-default
Version: ${version}
Release: 1
Summary: kernel
License: MIT
BuildArch: noarch
Provides: kernel = ${version}
Provides: installonlypkg(kernel)
Provides: multiversion(kernel)
${hasRpmVersion(name) ? `Provides: kernel-uname-r = ${name}` : ''}
%description
kernel
%install
cp -r ${files}/. %{buildroot}/
%files
/boot/vmlinuz-${name}
/usr/lib/modules/${name}
`;

/** What this machine calls its kernel may be no version to rpm: then zypper cannot know that it runs, and our own look has to. */
const hasRpmVersion = (release: string): boolean => release.split('-').length <= 2;
