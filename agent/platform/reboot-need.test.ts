import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kernelReason } from './reboot-need.ts';
import { describeStale, findStaleCode } from './reboot-stale-code.ts';
import { parseNeedrestart, parseNeedsRestarting, readNeedsRebooting } from './reboot-tools.ts';

describe('the running kernel and the installed ones', () => {
  it.each([
    ['6.1.0-38-amd64', ['6.1.0-38-amd64'], null],
    ['6.1.0-38-amd64', ['6.1.0-37-amd64', '6.1.0-38-amd64', '6.1.0-40-amd64'], '6.1.0-40-amd64'],
    ['6.1.0-9-amd64', ['6.1.0-9-amd64', '6.1.0-10-amd64'], '6.1.0-10-amd64'],
    ['6.1.0-38-amd64', ['6.1.0-40-cloud-amd64'], null],
    [
      '5.14.0-427.13.1.el9_4.x86_64',
      ['5.14.0-427.13.1.el9_4.x86_64', '5.14.0-503.11.1.el9_5.x86_64'],
      '5.14.0-503.11.1.el9_5.x86_64',
    ],
    ['5.15.0-101-generic', ['5.15.0-102-generic', '5.15.0-101-generic'], '5.15.0-102-generic'],
    ['6.4.0-150600.23.7-default', ['6.4.0-150600.23.14-default'], '6.4.0-150600.23.14-default'],
    ['6.12.0', [], null],
  ])('%s of %j', (running, installed, newest) => {
    const why = kernelReason(running, installed);
    if (newest === null) expect(why).toBeNull();
    else expect(why).toBe(`kernel ${running} runs, and ${newest} is installed`);
  });
});

/* As needrestart 3.6 prints it on Debian 12 (-b -k). */
describe('needrestart', () => {
  const said = (status: number) =>
    `NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-38-amd64\nNEEDRESTART-KEXP: 6.1.0-40-amd64\nNEEDRESTART-KSTA: ${status}\n`;
  it.each([[3], [2]])('with status %i says that a kernel is pending', status => {
    expect(parseNeedrestart(said(status))).toBe(
      'needrestart says that a kernel upgrade is pending: kernel 6.1.0-38-amd64 runs, 6.1.0-40-amd64 is expected',
    );
  });
  it.each([[said(1)], [said(0)], ['NEEDRESTART-VER: 3.6\n'], ['']])('says nothing in %j', text => {
    expect(parseNeedrestart(text)).toBeNull();
  });
});

/* As dnf-plugins-core 4 and 5 and yum-utils print it in the locale C. */
describe('dnf needs-restarting -r', () => {
  const needed = (...packages: string[]) =>
    `Core libraries or services have been updated since boot-up:\n${packages.map(name => `  * ${name}\n`).join('')}\n` +
    'Reboot is required to fully utilize these updates.\nMore information: https://access.redhat.com/solutions/27943\n';
  const notNeeded = 'No core libraries or services have been updated since boot-up.\nReboot should not be necessary.\n';

  it.each([
    ['names what was updated', needed('glibc', 'systemd'), 1, true, /required, because of glibc, systemd$/],
    ['counts kernels where the server boots its own', needed('kernel-core'), 1, true, /because of kernel-core$/],
    ['leaves kernels out in a container', needed('kernel', 'glibc'), 1, false, /because of glibc$/],
    ['says nothing of a container whose kernels alone are new', needed('kernel', 'kernel-core'), 1, false, null],
    ['says nothing where there is no need', notNeeded, 0, true, null],
    ['takes its own failure for no need', 'Error: Failed to synchronize cache\n', 1, true, null],
    ['says nothing where it was ended', needed('glibc'), null, true, null],
  ])('%s', (_what, text, status, kernels, words) => {
    const reason = parseNeedsRestarting(text, status, kernels);
    if (words === null) expect(reason).toBeNull();
    else expect(reason).toMatch(words);
  });
});

it.each([
  [102, true],
  [0, false],
  [1, false],
  [null, false],
])('zypper needs-rebooting that ends with %s asks for one: %s', (status, needed) => {
  expect(readNeedsRebooting(status) !== null).toBe(needed);
});

describe('processes that run code of replaced files', () => {
  let proc: string;
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'tidemark-proc-'));
    add('self', []);
  });
  afterEach(() => rmSync(proc, { recursive: true, force: true }));

  /** A process as Linux 6.1 shows it, with these lines of maps. */
  function add(pid: number | 'self', maps: readonly string[], { name = 'nginx', namespace = 'pid:[1]' } = {}): void {
    const directory = join(proc, String(pid));
    mkdirSync(join(directory, 'ns'), { recursive: true });
    writeFileSync(join(directory, 'maps'), maps.map(line => `${line}\n`).join(''), 'latin1');
    writeFileSync(join(directory, 'comm'), `${name}\n`);
    symlinkSync(namespace, join(directory, 'ns/pid'));
  }
  const map = (rest: string, permissions = 'r-xp') =>
    `7f1c2a400000-7f1c2a4a2000 ${permissions} 00000000 fe:01 1051234                    ${rest}`;
  const find = async (ignored: (path: string) => boolean = () => false) =>
    (await findStaleCode(ignored, proc)).processes.flatMap(({ files }) => files);

  it.each([
    ['/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)', 'r-xp', '/usr/lib/x86_64-linux-gnu/libssl.so.3'],
    ['/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)', 'r--p', '/usr/lib/x86_64-linux-gnu/libssl.so.3'],
    ['/usr/sbin/nginx (deleted)', 'r-xp', '/usr/sbin/nginx'],
    ['/usr/sbin/nginx;5f3a0b1c (deleted)', 'r-xp', '/usr/sbin/nginx'],
    ['/usr/bin/demo.dpkg-new (deleted)', 'r-xp', '/usr/bin/demo'],
    ['/opt/shop/lib/shop.jar (deleted)', 'r--s', '/opt/shop/lib/shop.jar'],
    ['/opt/a name/b (deleted) (deleted)', 'r-xp', '/opt/a name/b (deleted)'],
    ['/usr/lib/locale/locale-archive (deleted)', 'r--p', null],
    ['/usr/lib/x86_64-linux-gnu/libssl.so.3', 'r-xp', null],
    ['/memfd:jit-code (deleted)', 'r-xp', null],
    ['/dev/zero (deleted)', 'rw-s', null],
    ['/SYSV00000000 (deleted)', 'rwxs', null],
    ['/anon_hugepage (deleted)', 'r-xp', null],
    ['/tmp/.ld-so.abc (deleted)', 'r-xp', null],
    ['[vdso]', 'r-xp', null],
    ['', 'rw-p', null],
  ])('%j mapped %s', async (path, permissions, file) => {
    add(812, [map(path, permissions)]);
    expect(await find()).toEqual(file === null ? [] : [file]);
  });

  it('are found among a hundred thousand mappings, each file once, and left out where they do not matter', async () => {
    const many = Array.from({ length: 50_000 }, (_, index) => map(`/usr/lib/lib${index}.so`));
    add(9, [
      ...many,
      map('/usr/lib/libz.so.1 (deleted)'),
      ...many.slice(0, 20_000),
      map('/usr/lib/libz.so.1 (deleted)'),
    ]);
    expect(await find()).toEqual(['/usr/lib/libz.so.1']);
    expect(await find(path => path.startsWith('/usr/lib/'))).toEqual([]);
  });

  it('of containers are not the server’s own', async () => {
    add(9, [map('/usr/lib/libz.so.1 (deleted)')], { namespace: 'pid:[2]' });
    expect(await find()).toEqual([]);
  });

  it('are named by unit, process and files, and only so many of them', async () => {
    for (let pid = 1; pid <= 250; pid++) add(pid, [map('/usr/lib/libz.so.1 (deleted)')]);
    const stale = await findStaleCode(() => false, proc);
    expect([stale.total, stale.processes.length]).toEqual([250, 200]);
    const some = stale.processes.slice(0, 4).map(each => ({ ...each, unit: 'nginx.service' }));
    expect(describeStale({ processes: some, total: 6, unreadable: 0 })).toEqual([
      'nginx.service (nginx 1, nginx 2, nginx 3 and 1 more): /usr/lib/libz.so.1',
      'and 2 more processes',
    ]);
  });
});
