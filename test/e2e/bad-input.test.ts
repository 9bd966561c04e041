import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { canMount, until } from '../support/fleet.ts';
import { marksOf } from '../support/product.ts';
import {
  client,
  DENIED,
  ERROR,
  expectOneMessage,
  keptArchive,
  night,
  processesWith,
  RUN_FAILED,
  standing,
  USAGE,
} from './bad-input-fixture.ts';

/*
 * What a person can give that is wrong, through the built programs: one message that says what to do, an exit status
 * that scripts can use, and nothing that is different afterwards.
 */

describe('a command that is given something wrong', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(night.fleet.path(name), text);
    return name;
  };
  /** The night's own policy or landscape with one thing in it replaced. */
  const changed = (source: string, from: string | RegExp, to: string): string => {
    const before = readFileSync(night.fleet.path(source), 'utf8');
    const after = before.replace(from, to);
    expect(after).not.toBe(before);
    return file(`bad-${source}`, after);
  };
  const plan = (from: string | RegExp, to: string) => () => [
    'plan',
    night.fleet.path(changed('policy.yaml', from, to)),
    '--out',
    night.fleet.path('bad-plan.json'),
  ];
  const landscape = (from: string | RegExp, to: string) => () => [
    'landscape',
    'import',
    night.fleet.path(changed('landscape.yaml', from, to)),
  ];

  it.each<[string, () => string[], number, RegExp]>([
    [
      'a policy key that nobody knows',
      plan('  waves:', '  wavse:'),
      ERROR,
      /bad-policy\.yaml:9:3: unknown key "wavse" in spec \(did you mean "waves"\?\)$/,
    ],
    ['a policy that is no YAML', plan('spec:', 'spec: ['), ERROR, /bad-policy\.yaml:\d+:\d+: /],
    [
      'an empty selector',
      plan(/select: .*/, 'select: ""'),
      ERROR,
      /bad-policy\.yaml:5:12: the condition is empty: an empty one never means all; write one, such as/,
    ],
    [
      'a selector that selects nothing',
      plan(/select: .*/, 'select: host.app == "shoop"'),
      ERROR,
      /bad-policy\.yaml:5:11: it selects none of the 2 hosts in the landscape: "tidemark landscape show"/,
    ],
    ['a bundle that nobody made', plan('{name: next}', '{name: nxet}'), ERROR, /bad-policy\.yaml:6:\d+: .*nxet/],
    [
      'waves that wait for each other',
      plan(/ {4}- \{name: all.*/, '    - {name: a, when: host.name == "one", needs: [b]}\n    - {name: b, needs: [a]}'),
      ERROR,
      /bad-policy\.yaml:10:\d+: these waves wait for each other: a needs b needs a$/,
    ],
    [
      'steps that wait for each other',
      plan(
        'steps: standard',
        'steps:\n    - {id: a, uses: artifact/stage, needs: [b]}\n    - {id: b, uses: archive/install, needs: [a]}',
      ),
      ERROR,
      /bad-policy\.yaml:13:\d+: these steps wait for each other: a needs b needs a$/,
    ],
    [
      'a policy that is not there',
      () => ['plan', '/nowhere/policy.yaml'],
      ERROR,
      /\/nowhere\/policy\.yaml does not exist$/,
    ],
    [
      'a component on a host that nobody knows',
      landscape('host: two', 'host: tow'),
      ERROR,
      /bad-landscape\.yaml has 1 error; nothing of it was imported$/,
    ],
    [
      'a host that nobody knows, to scan',
      () => ['scan', 'one', 'tow'],
      ERROR,
      /no host tow is enrolled: .*nothing was scanned$/,
    ],
    [
      'a host that nobody knows, to identify',
      () => ['identify', 'tow'],
      ERROR,
      /no host tow is enrolled: "tidemark get hosts"/,
    ],
    [
      'a host that nobody knows, to compare',
      () => ['drift', 'tow', 'one'],
      ERROR,
      /no host tow is enrolled: "tidemark get hosts"/,
    ],
    [
      'a host that nobody knows, to show',
      () => ['get', 'hosts', 'tow'],
      ERROR,
      /there is no tow among the hosts: "tidemark get hosts"/,
    ],
    [
      'a host that nobody knows, to describe',
      () => ['describe', 'host', 'tow'],
      ERROR,
      /there is no host tow: "tidemark get hosts"/,
    ],
    [
      'a host that nobody knows, to evict',
      () => ['enrol', 'evict', 'tow'],
      ERROR,
      /no host is called tow: "tidemark get hosts"/,
    ],
    ['a host name that is none, to enrol', () => ['enrol', 'token', '../tow'], ERROR, /host/],
    [
      'a release that nobody knows, in a bundle',
      () => ['bundle', 'create', 'b', '--release', 'alpha@9'],
      ERROR,
      /alpha 9 is not known: import its archive first/,
    ],
    ['a plan that nobody made', () => ['apply', 'abcdef0'], ERROR, /no plan begins with abcdef0: "tidemark get plans"/],
    [
      'a run that nobody began',
      () => ['run', 'stop', 'r7', '--reason', 'x'],
      ERROR,
      /there is no run r7: see "tidemark get runs"$/,
    ],
    ['a command that it does not have', () => ['plna', 'policy.yaml'], USAGE, /unknown command 'plna'/],
    [
      'a life of a token that is too long',
      () => ['enrol', 'token', 'one', '--ttl', '2d'],
      USAGE,
      /good for a day at most/,
    ],
    [
      'a secret that is not the right one',
      () => [
        'login',
        `https://127.0.0.1:${night.fleet.ports.api}`,
        '--token-file',
        night.fleet.path(file('wrong.token', 'tmk_0123456789abcdef\n')),
        '--ca-file',
        night.fleet.state('ca.pem'),
      ],
      DENIED,
      /refused the token/,
    ],
    [
      'a controller that is not there',
      () => [
        'login',
        'https://127.0.0.1:1',
        '--token-file',
        night.fleet.state('admin.token'),
        '--ca-file',
        night.fleet.state('ca.pem'),
      ],
      ERROR,
      /the controller at https:\/\/127\.0\.0\.1:1 cannot be reached: nothing listens there\. Is the controller running/,
    ],
  ])('%s', async (_, args, exit, message) => {
    const given = args();
    const before = await standing();
    expectOneMessage(await night.fleet.cli(...given), exit, message);
    expect(await standing()).toEqual(before);
    expect(existsSync(night.fleet.path('bad-plan.json'))).toBe(false);
  });

  it('a landscape with a slip in it is told with file, line, column and what was meant', async () => {
    const bad = night.fleet.path(changed('landscape.yaml', 'host: two', 'host: tow'));
    const { stderr } = await night.fleet.cli('landscape', 'import', bad);
    expect(stderr).toMatch(
      /bad-landscape\.yaml:\d+:\d+: component beta: host tow is not in the landscape \(did you mean "two"\?\)/,
    );
  });

  it('a host that the landscape does not have, to enrol: a token all the same, with a word about the name', async () => {
    const { code, stderr } = await night.fleet.cli('enrol', 'token', 'tow', '--out', night.fleet.path('tow.token'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('The landscape has no host tow yet') });
  });
});

describe('an archive', () => {
  let sound: string;

  beforeEach(() => {
    sound = night.fleet.path('releases', 'alpha-1.1.0.tar.gz');
    mkdirSync(night.fleet.path('bad'), { recursive: true });
  });

  async function tarOf(name: string): Promise<Buffer> {
    const tar = pack();
    tar.entry({ name: 'bin/alpha' }, 'x\n');
    tar.entry({ name }, 'x\n');
    tar.finalize();
    const parts: Buffer[] = [];
    for await (const part of tar) parts.push(part as Buffer);
    return gzipSync(Buffer.concat(parts));
  }

  it.each<[string, string, () => Buffer | Promise<Buffer>, RegExp]>([
    [
      'that is truncated',
      'alpha-2.0.0',
      () => readFileSync(sound).subarray(0, 300),
      /alpha 2\.0\.0: the archive is truncated.*build or fetch the archive anew$/,
    ],
    [
      'that holds ../',
      'alpha-2.1.0',
      () => tarOf('../../etc/passwd'),
      /"\.\.\/\.\.\/etc\/passwd" has "\.\." in its path; build or fetch/,
    ],
    ['that holds an absolute path', 'alpha-2.2.0', () => tarOf('/etc/passwd'), /"\/etc\/passwd" has an absolute path/],
    ['that is none', 'alpha-2.3.0', () => Buffer.from('<html>404</html>'), /no sound gzip file/],
    [
      'that is another one of a version that is known',
      'alpha-1.1.0',
      () => tarOf('lib/more'),
      /alpha 1\.1\.0 is known from another archive .*give the new one a version of its own$/,
    ],
    [
      'that does not say what it is',
      'alpha',
      () => tarOf('lib/more'),
      /name the file <product>-<version>\.tar\.gz, or give --product and --release-version$/,
    ],
  ])('%s is refused', async (_, name, bytes, message) => {
    const file = night.fleet.path('bad', `${name}.tar.gz`);
    writeFileSync(file, await bytes());
    const before = await standing();
    expectOneMessage(await night.fleet.cli('signatures', 'import', file), ERROR, message);
    expect(await standing()).toEqual(before);
  });

  it('that is not what its digest says is refused', async () => {
    const before = await standing();
    const sending = client.importSignature({
      query: { name: 'alpha-3.0.0.tar.gz', digest: `sha256:${'0'.repeat(64)}` },
      file: sound,
      bytes: readFileSync(sound).length,
    });
    await expect(sending).rejects.toThrow(
      /arrived with digest [0-9a-f]{12}, announced was 000000000000: send it again/,
    );
    expect(await standing()).toEqual(before);
  });
});

describe('a token for a server', () => {
  /** A server that wants to enrol: its files. */
  function server(name: string): void {
    const { fleet } = night;
    mkdirSync(fleet.root(name), { recursive: true });
    copyFileSync(fleet.path('hosts/one/policy.yaml'), fleet.path('hosts', name, 'policy.yaml'));
    const config = readFileSync(fleet.path('hosts/one/agent.yaml'), 'utf8');
    writeFileSync(fleet.path('hosts', name, 'agent.yaml'), config.replaceAll('hosts/one', `hosts/${name}`), {
      mode: 0o600,
    });
  }
  const enrol = (name: string, token: string, port = night.fleet.ports.enrol) =>
    night.fleet.agentCli(name, 'enrol', '--controller', `127.0.0.1:${port}`, '--token-file', token);
  const identity = (name: string) => join(night.fleet.agentState(name), 'identity');

  async function token(host: string, ...options: string[]): Promise<string> {
    server(host);
    const file = night.fleet.path('hosts', host, 'token');
    await night.fleet.cliOk('enrol', 'token', host, '--out', file, ...options);
    return file;
  }

  it('counts once: who comes with it again is refused', async () => {
    const file = await token('three');
    expect((await enrol('three', file)).code).toBe(0);
    server('thief');
    const before = await standing();
    expectOneMessage(await enrol('thief', file), ERROR, /this token has been used before: ask for a new one/);
    expect(await standing()).toEqual(before);
    expect(existsSync(identity('thief'))).toBe(false);
    expect(existsSync(identity('three'))).toBe(true);
  });

  it('is refused when its time is over', async () => {
    const file = await token('four', '--ttl', '1s');
    const before = await standing();
    await until('its time is over', () => new Promise(resolve => setTimeout(() => resolve(true), 1_500)));
    expectOneMessage(await enrol('four', file), ERROR, /this token has expired: ask for a new one/);
    expect(await standing()).toEqual(before);
    expect(existsSync(identity('four'))).toBe(false);
  });

  it.each<[string, (ports: { api: number }) => number, RegExp]>([
    ['nobody', () => 1, /cannot reach the controller at 127\.0\.0\.1:1: nothing listens there .*Check the address/],
    [
      'the API',
      ({ api }) => api,
      /what listens there is not its enrolment port\. Check the address, the enrolment port/,
    ],
  ])('is kept for another try where %s listens, and counts then', async (who, port, message) => {
    const host = `five-${who.length}`;
    const file = await token(host);
    const before = await standing();
    expectOneMessage(await enrol(host, file, port(night.fleet.ports)), ERROR, message);
    expect(await standing()).toEqual(before);
    expect((await enrol(host, file)).code).toBe(0);
  });

  it('is told apart from any other text', async () => {
    server('six');
    writeFileSync(night.fleet.path('hosts/six/token'), 'password\n');
    expectOneMessage(await enrol('six', night.fleet.path('hosts/six/token')), ERROR, /this is no enrolment token/);
  });

  it('is needed first: an agent without identity says how to get one', async () => {
    server('seven');
    expectOneMessage(await night.fleet.agentCli('seven', 'run'), ERROR, /this server is not enrolled: .*Get a token/);
  });
});

describe('a controller', () => {
  const start = (state: string) =>
    night.fleet.cli('controller', '--state', night.fleet.path(state), '--config', night.fleet.path('controller.yaml'));

  it('on the ports of another one says which and ends, and leaves nothing behind', async () => {
    const before = await standing();
    const { code, stdout, stderr } = await start('second');
    const { api, link, enrol } = night.fleet.ports;
    expect({ code, stdout }).toEqual({ code: ERROR, stdout: '' });
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(3);
    for (const [index, [port, setting]] of [
      [api, 'apiListen'],
      [link, 'linkListen'],
      [enrol, 'enrolListen'],
    ].entries())
      expect(lines[index]).toContain(`cannot listen on 127.0.0.1:${port} (${setting}): another program listens there`);
    expect(existsSync(night.fleet.path('second'))).toBe(false);
    expect(processesWith(night.fleet.path('second'))).toEqual([]);
    expect(await standing()).toEqual(before);
  });

  it('with settings that it does not know says where', async () => {
    writeFileSync(night.fleet.path('bad-controller.yaml'), 'fleet: test\napiListn: 127.0.0.1:1\n');
    const started = await night.fleet.cli(
      'controller',
      '--state',
      night.fleet.path('second'),
      '--config',
      night.fleet.path('bad-controller.yaml'),
    );
    expectOneMessage(started, ERROR, /bad-controller\.yaml:2:1: unknown key "apiListn".*did you mean "apiListen"/);
    expect(existsSync(night.fleet.path('second'))).toBe(false);
  });
});

describe('a run', () => {
  const archive = () => night.fleet.path('releases', 'alpha-1.1.0.tar.gz');
  const underOpt = () =>
    ['one', 'two'].map(host =>
      readdirSync(join(night.fleet.seenRoot(host), 'opt'), { recursive: true, encoding: 'utf8' }).sort(),
    );

  it.skipIf(!canMount())(
    'leaves servers as they were where an archive was altered on the controller, or the disk is full while installing',
    async () => {
      const { fleet } = night;
      const kept = keptArchive(archive());
      writeFileSync(kept, Buffer.concat([readFileSync(kept).subarray(0, -1), Buffer.from('x')]));
      const before = underOpt();

      const run = await night.begin();
      const end = await night.watch(run);
      expect(end.code).toBe(RUN_FAILED);

      const incidents = await fleet.cliJson<{ host: string; title: string }[]>('get', 'incidents');
      expect(incidents.filter(({ host }) => host === 'one').map(({ title }) => title)).toEqual([
        expect.stringMatching(
          /^stage alpha 1\.1\.0 on one failed: alpha-1\.1\.0\.tar\.gz is not what its digest [0-9a-f]{12} says: .*tidemark signatures import$/,
        ),
      ]);
      expect(incidents.filter(({ host }) => host === 'two').map(({ title }) => title)).toEqual([
        expect.stringMatching(/^install beta 1\.1\.0 on two failed: no space for beta 1\.1\.0/),
      ]);
      // Neither is in any other state than before; only what was stopped has been started again.
      for (const host of ['one', 'two']) expect(readlinkSync(night.deployed(host))).toBe('releases/1.0.0');
      expect(underOpt()).toEqual(before);
      expect(marksOf(fleet.root('one'), 'stop alpha')).toBe(0);
      expect(marksOf(fleet.root('two'), 'start beta')).toBe(2);
    },
  );

  it('goes on after the archive was imported again, as the message says', async () => {
    const { fleet } = night;
    const imported = await fleet.cliOk('signatures', 'import', archive());
    expect(imported).toMatch(/alpha +1\.1\.0/);
    expect(readFileSync(keptArchive(archive())).equals(readFileSync(archive()))).toBe(true);
  });
});

describe('a controller that is away', () => {
  it('is told once by each command and by the agent, and everything goes on when it is back', async () => {
    const { fleet } = night;
    await fleet.killController('SIGTERM');
    expectOneMessage(
      await fleet.cli('get', 'hosts'),
      ERROR,
      /cannot be reached: nothing listens there\. Is the controller running/,
    );
    await until('the agent has said so', () =>
      /"reason":"[^"]*ECONNREFUSED.*"msg":"not connected"/.test(fleet.log('one')),
    );
    await fleet.startController();
    await fleet.allConnected(['one', 'two']);
  });
});
