import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { leanStart } from '@tidemark/controller/lean-process.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { openStore } from '@tidemark/controller/store/store.ts';
import { wireLandscape } from '@tidemark/controller/wiring/landscape.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { netBoxDevice, netBoxService, startCmdb } from '../../support/cmdb-server.ts';
import { row } from '../table.ts';

/*
 * `node test/bench/landscape/import.ts [HOSTS]`: what it takes to import an estate of 10,000 hosts with four components
 * each, from a CSV file and from NetBox, page by page over HTTP, into a private PostgreSQL with the settings that a
 * controller gives it. Each import is a process of its own, so that its memory is its own; NetBox is another.
 */

const COMPONENTS_EACH = 4;
const LIMIT_SECONDS = 30;
const LIMIT_MIB = 500;

const name = (host: number): string => `h${String(host).padStart(5, '0')}`;
const address = (host: number): string => `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;

function csvOf(hosts: number): string {
  const lines = ['Host,App,Env,Tags,Rack,IP,Service,Unit'];
  for (let host = 1; host <= hosts; host++)
    for (let each = 1; each <= COMPONENTS_EACH; each++)
      lines.push(
        `${name(host)},app-${host % 200},prod,linux batch-${host % 7},R${host % 300},${address(host)},svc-${each},svc-${each}.service`,
      );
  return `${lines.join('\n')}\n`;
}

const MAPPING = `  mapping:
    hosts: {name: Host, application: App, environment: Env, tags: {column: Tags, split: " "}, addresses: IP, attributes: {rack: Rack}}
    components: {name: Service, host: Host, kind: {value: service}, units: Unit}
`;

/** NetBox, until its parent ends it. Says where it is. */
async function serveNetBox(hosts: number): Promise<void> {
  const cmdb = await startCmdb();
  const numbers = Array.from({ length: hosts }, (_, index) => index + 1);
  cmdb.netbox.devices = numbers.map(host =>
    netBoxDevice(host, name(host), { custom_fields: { application: `app-${host % 200}`, environment: 'prod' } }),
  );
  cmdb.netbox.services = numbers.flatMap(host =>
    Array.from({ length: COMPONENTS_EACH }, (_, each) =>
      netBoxService(host * COMPONENTS_EACH + each, `svc-${each}`, {
        parent_object_type: 'dcim.device',
        parent_object_id: host,
      }),
    ),
  );
  process.send?.(cmdb.url);
}

/** One import, and the same again. */
async function importOnce(connector: string, mapping: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-landscape-'));
  chmodSync(directory, 0o711);
  const store = await openStore({ stateDir: directory });
  try {
    const secretDirectory = join(directory, 'secrets');
    mkdirSync(secretDirectory);
    writeFileSync(join(secretDirectory, 'token'), 'secret\n');
    const limits = { mayReach: () => true, directories: [tmpdir()], programs: [], secretDirectory, environment: {} };
    const { landscapeSources } = wireLandscape({
      ...{
        store,
        limits,
        clock: systemClock,
        inventory: createInventory({ store: inventoryStore(store), clock: systemClock }),
      },
      incidents: { open: async () => {}, resolve: async () => {} },
    });
    const text = `apiVersion: tidemark/v1\nkind: LandscapeSource\nmetadata: {name: bench}\nspec:\n  ${connector}\n${mapping}`;
    const put = await landscapeSources.put({ text, fileName: 'source.yaml', by: 'bench' });
    if (!put.ok) throw new Error(JSON.stringify(put.error));
    for (const which of ['first', 'again, unchanged']) {
      const [from, processor] = [performance.now(), process.cpuUsage()];
      const done = await landscapeSources.import({ name: 'bench', by: 'bench' });
      if (!done.ok) throw new Error(done.error.message);
      const took = process.cpuUsage(processor);
      process.send?.({
        which,
        seconds: (performance.now() - from) / 1000,
        processor: (took.user + took.system) / 1e6,
        mebibytes: process.resourceUsage().maxRSS / 1024,
        what: `${done.value.hosts} hosts, ${done.value.components} components`,
      });
    }
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Told {
  which: string;
  seconds: number;
  processor: number;
  mebibytes: number;
  what: string;
}

async function measure(title: string, connector: string, mapping: string): Promise<void> {
  // As a controller begins.
  const lean = leanStart({ execPath: process.execPath, execArgv: [], argv: [], env: process.env });
  const execArgv = lean?.argv.slice(1) ?? [];
  const child = fork(fileURLToPath(import.meta.url), ['import', connector, mapping], {
    execArgv,
    env: { ...lean?.env },
  });
  child.on('message', message => {
    const { which, seconds, processor, mebibytes, what } = message as Told;
    const measured = `${seconds.toFixed(1)} s, ${processor.toFixed(1)} s processor`;
    row(`${title}, ${which}: ${what}`, measured, `${LIMIT_SECONDS} s`);
    row(
      `${title}, ${which}: the most memory of the process until then`,
      `${Math.round(mebibytes)} MiB`,
      `${LIMIT_MIB} MiB`,
    );
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`the import from ${title} ended with status ${status}`);
}

async function main(hosts: number): Promise<void> {
  console.log(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(0)}, ${new Date().toISOString().slice(0, 10)}`);
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-csv-'));
  const netbox = fork(fileURLToPath(import.meta.url), ['netbox', String(hosts)]);
  try {
    const file = join(directory, 'estate.csv');
    writeFileSync(file, csvOf(hosts));
    await measure('CSV', `file: {path: ${file}}`, MAPPING);
    const [url] = await once(netbox, 'message');
    await measure(
      'NetBox',
      `netbox: {url: "${url}", token: {file: token}, plainHttp: true, virtualMachines: false}`,
      '',
    );
  } finally {
    netbox.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

const [what = '10000', ...rest] = process.argv.slice(2);
if (what === 'netbox') await serveNetBox(Number(rest[0]));
else if (what === 'import') await importOnce(rest[0] ?? '', rest[1] ?? '');
else await main(Number(what));
