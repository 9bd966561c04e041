import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { run, runOk } from '../command.ts';
import { withLock } from '../lock.ts';
import { LAB_DIRECTORY } from '../places.ts';
import { debianSources } from '../sources.ts';
import { installTools } from '../tools.ts';

/*
 * A machine with a kernel of its own, for what containers cannot have: device-mapper. QEMU emulates it, so that it works
 * wherever the lab does. It boots Debian's own kernel into one program and ends; its disks are thrown away.
 */

const PACKAGES = [
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'zstd', 'kmod', 'udev'],
  ...['lvm2', 'thin-provisioning-tools', 'e2fsprogs', 'xfsprogs', 'util-linux', 'mount'],
];

/** PID 1: makes what a boot makes, runs the program, says how it ended, and ends. */
const INIT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs run /run; mount -t tmpfs tmp /tmp; mkdir -p /run/lock /mnt
modprobe dm-thin-pool; modprobe xfs
mount -o ro /dev/vdb /mnt
echo TIDEMARK-BEGIN
/mnt/node --test --test-reporter=spec /mnt/test.mjs 2>&1
echo "TIDEMARK-END $?"
sync
# The end of PID 1 is a panic, and that ends the machine: see "panic=-1" below.
`;

/** Nobody names devices here: LVM makes the nodes itself. */
const LVM = 'activation { udev_sync = 0 udev_rules = 0 }\ndevices { obtain_device_list_from_udev = 0 }\n';

interface Image {
  disk: string;
  kernel: string;
  initrd: string;
}

/** Builds it where it is not there yet: about a minute. */
export async function ensureImage(say: (line: string) => void = () => undefined): Promise<Image> {
  if (process.arch !== 'x64')
    throw new Error(`the machine that is emulated is an x64 one; this one is ${process.arch}`);
  await installTools(['mmdebstrap', 'qemu-system-x86', 'e2fsprogs']);
  const { release, archive } = debianSources();
  const recipe = createHash('sha256').update(JSON.stringify([release, archive]));
  const directory = join(
    LAB_DIRECTORY,
    `vm-${recipe
      .update(readFileSync(import.meta.filename))
      .digest('hex')
      .slice(0, 12)}`,
  );
  const image = (at: string): Image => ({
    disk: join(at, 'disk'),
    kernel: join(at, 'kernel'),
    initrd: join(at, 'initrd'),
  });
  await withLock(`${directory}.lock`, async () => {
    if (existsSync(directory)) return;
    say(`building the emulated machine in ${directory} (once) ...`);
    const building = `${directory}.building`;
    rmSync(building, { recursive: true, force: true });
    mkdirSync(building);
    const tree = join(building, 'tree');
    const quick = 'mkdir -p "$1/etc/initramfs-tools/conf.d"; echo COMPRESS=zstd > "$1/etc/initramfs-tools/conf.d/lab"';
    const options = ['--variant=minbase', '--dpkgopt=path-exclude=/usr/share/doc/*', `--essential-hook=${quick}`];
    const line = `deb ${archive} ${release} main`;
    await runOk(['mmdebstrap', ...options, `--include=${PACKAGES.join(',')}`, release, tree, line]);
    writeFileSync(join(tree, 'tidemark-init'), INIT, { mode: 0o755 });
    writeFileSync(join(tree, 'etc/lvm/lvmlocal.conf'), LVM);
    const made = image(building);
    const boot = (name: string) =>
      join(tree, 'boot', readdirSync(join(tree, 'boot')).find(each => each.startsWith(name)) ?? name);
    copyFileSync(boot('vmlinuz-'), made.kernel);
    copyFileSync(boot('initrd.img-'), made.initrd);
    await runOk(['truncate', '-s', '1G', made.disk]);
    await runOk(['mke2fs', '-q', '-t', 'ext4', '-d', tree, made.disk]);
    rmSync(tree, { recursive: true });
    renameSync(building, directory);
  });
  return image(directory);
}

/** What a test file comes to as one script for Node's own runner, with the assertions that it has everywhere. */
async function bundle(testFile: string, to: string): Promise<void> {
  await build({
    entryPoints: [testFile],
    outfile: to,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    alias: { vitest: join(import.meta.dirname, 'runner.ts') },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'silent',
  });
}

const RUN = 'vm-run-';

/** Takes away what runs left behind that were killed; the machine itself ends with the process that started it. */
export async function removeAbandonedRuns(): Promise<void> {
  const runs = existsSync(LAB_DIRECTORY) ? readdirSync(LAB_DIRECTORY).filter(name => name.startsWith(RUN)) : [];
  for (const name of runs.filter(each => !existsSync(`/proc/${each.slice(RUN.length)}`)))
    rmSync(join(LAB_DIRECTORY, name), { recursive: true, force: true });
}

export interface MachineEnd {
  /** Of the runner; null where the machine did not come so far. */
  status: number | null;
  /** What was written to its console from the beginning of the tests on. */
  said: string;
}

/** Runs a test file on a machine with an empty disk /dev/vdc of `dataBytes`. */
export async function runInMachine(testFile: string, dataBytes: number, timeoutMs: number): Promise<MachineEnd> {
  const image = await ensureImage();
  const work = join(LAB_DIRECTORY, `${RUN}${process.pid}`);
  const share = join(work, 'share');
  mkdirSync(share, { recursive: true });
  try {
    copyFileSync(process.execPath, join(share, 'node'));
    await bundle(testFile, join(share, 'test.mjs'));
    const [tests, data] = [join(work, 'tests'), join(work, 'data')];
    await runOk(['truncate', '-s', '256M', tests]);
    await runOk(['mke2fs', '-q', '-t', 'ext4', '-d', share, tests]);
    await runOk(['truncate', '-s', String(dataBytes), data]);
    const drive = (file: string) => ['-drive', `file=${file},if=virtio,format=raw,cache=unsafe,snapshot=on`];
    const ended = await run(
      [
        // Whoever kills the tests means the machine too.
        ...['setpriv', '--pdeathsig', 'KILL', '--'],
        ...['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1024', '-no-reboot'],
        ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
        ...['-kernel', image.kernel, '-initrd', image.initrd],
        ...['-append', 'root=/dev/vda rw console=ttyS0 quiet panic=-1 init=/tidemark-init'],
        ...[image.disk, tests, data].flatMap(drive),
      ],
      { timeoutMs },
    );
    const [, said = ''] = ended.stdout.split('TIDEMARK-BEGIN');
    const status = /TIDEMARK-END (\d+)/.exec(said)?.[1];
    return { status: status === undefined ? null : Number(status), said: said || `${ended.stdout}${ended.stderr}` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
