import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { cliCommand, environment, LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { Lab, takeDown } from './lab.ts';
import { cannotHaveLab } from './machine.ts';
import { allLabs } from './owner.ts';
import { labPlaces } from './places.ts';
import { PLAY_POLICY, playLandscape } from './play.ts';

/* `npm run lab -- COMMAND`: a fleet of real hosts for a person to look at and to break. */

/** Whose name nobody has to say. */
const OWN = 'play';

const program = new Command('npm run lab --')
  .description('Real systemd hosts with agents, and a controller, on this machine alone.')
  .option('--lab <name>', 'another lab than your own: "night" is that of lab:night --keep', OWN)
  .exitOverride()
  .enablePositionalOptions();
const lab = (): string => program.opts<{ lab: string }>().lab;

program
  .command('up')
  .description('boot hosts, start a controller and enrol an agent on each')
  .option('--hosts <n>', 'how many', countOption, 4)
  .option('--prefix <name>', 'hosts are called <name>01, <name>02, ...', 'web')
  .action(up);
program.command('down').description('take all of it away, also after a crash').action(down);
program.command('ls').description('list the hosts').action(list);
program
  .command('exec <host> <command...>')
  .description('run a command on a host; without a terminal of its own')
  .passThroughOptions()
  .action(onHost);
program
  .command('tidemark [arguments...]')
  .description('the command line of this controller')
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action((args: string[]) => become(cliCommand(labPlaces(lab()), args)));
hostCommand('kill', 'cut the power of a host', host => host.kill());
hostCommand('boot', 'switch a host on', async host => {
  host.boot();
  await host.ready();
});
hostCommand('freeze', 'let a host hang', async host => host.freeze());
hostCommand('thaw', 'let it go on', async host => host.thaw());
hostCommand('cut', "pull a host's network cable", host => host.cut());
hostCommand('mend', 'plug it in again', host => host.mend());

const problem = cannotHaveLab();
if (problem !== null) fail(problem);
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  fail((error as Error).message);
}

async function up({ hosts, prefix }: { hosts: number; prefix: string }): Promise<void> {
  const begun = performance.now();
  const fleet = await LabFleet.start({ id: lab(), count: hosts, prefix, kept: true, say: console.log });
  await fleet.importLandscape(playLandscape(fleet.lab.hosts.map(({ name }) => name)));
  writeFileSync(fleet.desk('policy.yaml'), PLAY_POLICY);
  console.log(await fleet.cliOk('get', 'hosts'));
  const { name } = fleet.lab.first;
  const command = `npm run lab --${lab() === OWN ? '' : ` --lab ${lab()}`}`;
  console.log(`${hosts} hosts after ${Math.round((performance.now() - begun) / 1000)} s. To look at it:

  ${command} tidemark get hosts            the controller's command line, in ${fleet.desk('')}
  ${command} exec ${name} journalctl -u tidemark-agent
  ${command} exec ${name} apt-get update     the lab's repository; /etc/apt/sources.list says which suite
  ${command} kill ${name}                    power cut; "boot" switches it on. Also freeze, thaw, cut, mend
  ${command} down

A landscape and a policy are in ${fleet.desk('')}; plans are approved with approver.key beside them.
docs/how-to/lab.md goes through a patch.
Logs: ${fleet.lab.places.logs}, and console.log of each host in ${fleet.lab.places.hosts}`);
  // What was started goes on; nothing here waits for it.
  process.exit(0);
}

async function down(): Promise<void> {
  if (allLabs().some(({ id }) => id === lab())) await takeDown(labPlaces(lab()));
  else console.log('There is no lab.');
}

function list(): void {
  for (const host of opened().hosts)
    console.log(`${host.name.padEnd(24)} ${host.address.padEnd(12)} ${host.isUp() ? 'up' : 'down'}`);
}

function onHost(name: string, argv: string[]): void {
  become(opened().host(name).command(argv));
}

function hostCommand(name: string, description: string, work: (host: Host) => Promise<void>): void {
  program
    .command(`${name} <host>`)
    .description(description)
    .action((host: string) => work(opened().host(host)));
}

function opened(): Lab {
  const found = Lab.open(lab());
  if (found === null) throw new Error('There is no lab. Start one: npm run lab -- up --hosts 4');
  return found;
}

/** Ends with the command's own status; its input and output are the caller's. */
function become([file = '', ...argv]: readonly string[]): void {
  const { desk } = labPlaces(lab());
  const child = spawn(file, argv, { cwd: desk, stdio: 'inherit', env: environment(labPlaces(lab())) });
  child.on('error', error => fail(error.message));
  child.on('exit', code => process.exit(code ?? 1));
}

function countOption(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new InvalidArgumentError('it must be a count of hosts, 1 to 1000');
  return count;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
