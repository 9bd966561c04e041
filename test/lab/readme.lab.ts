import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildRelease, NEW_VERSION, OLD_VERSION, PRODUCTS } from '../demo/releases.ts';
import { placeOf, scriptOf } from '../demo/site.ts';
import { type Ended, run, until } from './command.ts';
import { Lab } from './lab.ts';
import { GATEWAY, inNamespace, repositoryRoot } from './places.ts';
import { layOut } from './shop.ts';

/* The README and the first how-to, word by word, by somebody who has a controller's machine and one real server. */

const README = shellBlocks('README.md');
const HOW_TO = shellBlocks('docs/how-to/real-server.md');
const WEB = PRODUCTS.find(({ name }) => name === 'orders-web');

/** A block that hangs is ended with all that it started, so that what it said until then is told. */
const LIMIT_SECONDS = 120;

let lab: Lab;
let name = '';

beforeAll(async () => {
  lab = await Lab.start({ names: ['web01'], bare: true });
  name = (await onController('hostname -f')).trim();
  const host = lab.first;
  host.write('/etc/hosts', `${host.read('/etc/hosts')}${GATEWAY} ${name} ${hostname()}\n`);
});

afterAll(async () => {
  await lab?.down();
});

it('a controller is set up, and the agent of a real server enrolled', async () => {
  await onController(README('npm run package:agent'), repositoryRoot);
  const start = README('tidemark controller');
  const [command = ''] = /^tidemark controller.*$/m.exec(start) ?? [];
  await onController(start.replace(command, ''));
  const shell = ['bash', '-c', `cd ~/tidemark && exec ${command}`];
  const controller = lab.startAtGateway('controller', shell, environment());
  await until('the controller is ready', () => controller.log().includes('the controller is ready'));

  const said = await onController(README('tidemark login'), repositoryRoot);
  expect(said).toContain('Logged in to fleet lab at');
  expect(said).toContain('The controller has trust root version 1 of fleet lab.');
  await onController(README('tidemark enrol token'));
  const enrolled = await onServer(README('systemctl enable --now').replace('CONTROLLER', name));
  expect(enrolled).toContain('enrolled in lab as');
  await until('it is connected', async () =>
    /^web01 +enrolled +yes +orders +prod/m.test(await onController(README('tidemark get hosts'))),
  );
});

it('its application is described, planned, patched and proved', async () => {
  if (!WEB) throw new Error('there is no orders-web');
  const host = lab.first;
  await layOut(host, WEB, { ports: { [placeOf(WEB.name, host.name)]: 8080 }, addresses: { web01: host.address } });
  await host.execOk(['systemd-run', '--quiet', '--scope', '--unit=orders-web', scriptOf(WEB.name), 'start']);
  for (const version of [OLD_VERSION, NEW_VERSION]) {
    await buildRelease(WEB, version, join(lab.places.desk, 'tidemark'));
  }

  await onServer(HOW_TO('systemctl restart'));
  await until('it is connected', async () => /^web01 +enrolled +yes/m.test(await onController('tidemark get hosts')));
  await onController(HOW_TO('tidemark landscape import'));
  expect(await onController(HOW_TO('tidemark scan'))).toContain(`orders-web ${OLD_VERSION}, complete`);
  expect(await onController(HOW_TO('tidemark apply'))).toMatch(/run r1 orders-monthly: succeeded/);
  expect(await onController(HOW_TO('tidemark drift'))).toContain(`orders-web ${NEW_VERSION}, complete`);
});

/** A home of its own at the gateway; what is called `tidemark` there is this clone's. */
function environment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, TIDEMARK_CONFIG: __, XDG_CONFIG_HOME: ___, ...rest } = process.env;
  return {
    ...rest,
    HOME: lab.places.desk,
    PATH: `${join(repositoryRoot, 'dist')}:${rest['PATH']}`,
    TIDEMARK_HOME: repositoryRoot,
    NO_COLOR: '1',
  };
}

/** Types a block at the controller's machine. `scp` has no way to the server here: it copies. */
async function onController(block: string, directory = '~/tidemark'): Promise<string> {
  const scp = `scp() { cp "\${@:1:$#-1}" '${lab.first.path('/root')}'; }`;
  const script = `mkdir -p ~/tidemark; cd ${directory}; ${scp}\n${block}`;
  const shell = inNamespace(lab.places.bridgeNamespace, ['timeout', String(LIMIT_SECONDS), 'bash', '-ec', script]);
  return said(await run(shell, { env: environment() }), block);
}

async function onServer(block: string): Promise<string> {
  return said(await lab.first.exec(['bash', '-ec', `cd /root\n${block}`]), block);
}

function said({ code, stdout, stderr }: Ended, block: string): string {
  if (code !== 0) throw new Error(`${block}\nended with ${code}:\n${stderr}${stdout}`);
  return stdout + stderr;
}

/** The one block of a page that is to be typed and holds this text. */
function shellBlocks(file: string): (text: string) => string {
  const page = readFileSync(join(repositoryRoot, file), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  return text => {
    const [found, ...others] = blocks.filter(block => block.includes(text));
    if (found === undefined || others.length > 0) throw new Error(`${file} has not one block with "${text}"`);
    return found;
  };
}
