import type { RunView } from '@tidemark/controller/api/contract/runs.ts';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import type { LabFleet } from '../fleet.ts';
import type { Host } from '../host.ts';
import { follows, isActive, ROWS, rowsOf } from './database-pair.ts';
import { DATABASE_UNIT, NEW, PRODUCT, type Server } from './estate.ts';

const UNITS = { web: ['nginx.service'], app: ['demo-svc.service'], db: [DATABASE_UNIT] } as const;

/** Looks at every server from outside and gives what is wrong with it, by its name. */
export async function findingsOf(
  fleet: LabFleet,
  servers: readonly Server[],
  packages: ReadonlyMap<string, string>,
  run: RunView,
): Promise<Map<string, string[]>> {
  const byName = new Map(servers.map(server => [server.name, server]));
  const inRun = new Map(run.hosts.map(host => [host.host, host]));
  const found = new Map<string, string[]>();
  await fleet.lab.inTurn(async host => {
    const server = byName.get(host.name);
    if (!server) return;
    const planned = inRun.get(host.name);
    const told = planned?.state === 'succeeded' ? [] : [planned ? toldOf(planned) : 'is not in the plan'];
    const seen = await look(fleet, host, server, packages).catch((error: Error) => [error.message]);
    found.set(host.name, [...told, ...seen]);
  });
  return found;
}

const toldOf = ({ state, reason }: RunView['hosts'][number]): string => (reason === '' ? state : `${state}: ${reason}`);

/** Packages that are named one by one; of more it says how many. */
const NAMED = 3;

async function look(
  fleet: LabFleet,
  host: Host,
  { tier, pair }: Server,
  packages: ReadonlyMap<string, string>,
): Promise<string[]> {
  const old = outdated(host.read('/var/lib/dpkg/status'), packages);
  const wrong = old.slice(0, NAMED);
  if (old.length > NAMED) wrong.push(`${old.length - NAMED} more packages are not as they should be`);
  const audit = await host.execOk(['dpkg', '--audit']);
  if (audit !== '') wrong.push(`dpkg --audit: ${audit.trim()}`);
  for (const unit of UNITS[tier]) {
    const { stdout } = await host.exec(['systemctl', 'is-active', unit]);
    if (stdout.trim() !== 'active') wrong.push(`${unit} is ${stdout.trim()}`);
  }
  const failed = await host.execOk(['systemctl', 'list-units', '--failed', '--plain', '--no-legend']);
  if (failed.trim() !== '') wrong.push(`failed: ${failed.trim()}`);
  for (const timer of ['cron.service', 'atd.service']) {
    if ((await host.exec(['systemctl', 'is-active', timer])).code !== 0) wrong.push(`${timer} is still held`);
  }
  if (tier === 'app') {
    const identified = await fleet.cliOk('identify', host.name);
    if (!identified.includes(`${PRODUCT} ${NEW}`))
      wrong.push(`its fingerprint is not ${PRODUCT} ${NEW}: ${identified.trim()}`);
  }
  if (tier === 'db' && (await rowsOf(host)) !== ROWS) wrong.push('rows of its database are lost');
  if (pair) wrong.push(...(await wrongInPair(host, pair.active)));
  return wrong;
}

/** The pair must have changed roles, once. */
async function wrongInPair(host: Host, wasActive: boolean): Promise<string[]> {
  if ((await isActive(host)) === wasActive)
    return [wasActive ? 'it was active and still is' : 'it was the standby and still is'];
  return wasActive && !(await follows(host)) ? ['it does not follow its peer'] : [];
}

/** Pure: packages of `/var/lib/dpkg/status` that are older than they should be, or half installed. */
function outdated(status: string, packages: ReadonlyMap<string, string>): string[] {
  return status.split('\n\n').flatMap(paragraph => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const [name, arch, version] = [field('Package'), field('Architecture'), field('Version')];
    const wanted = packages.get(`${name}:${arch}`) ?? packages.get(name);
    if (wanted === undefined || !field('Status').startsWith('install ')) return [];
    if (field('Status') !== 'install ok installed') return [`${name} is "${field('Status')}"`];
    return compareDpkgVersions(version, wanted) === 0 ? [] : [`${name} is ${version}, not ${wanted}`];
  });
}
