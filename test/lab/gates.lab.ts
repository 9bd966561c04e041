import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './command.ts';
import { LabFleet } from './fleet.ts';
import { current, NEW, nightPolicy, OLD, setUpNight, stops } from './night.ts';

/* Gates that ask a real Prometheus, which scrapes real node exporters. The other kinds are in test/e2e/gates.test.ts. */

const MONITOR = 'mon';
const NIGHTS = { well: ['web01', 'web02'], ill: ['app01', 'app02'] };
const EXPORTER = 'prometheus-node-exporter';
const PORTS = { prometheus: 9090, exporter: 9100 };

describe('a wave that opens by a metric', () => {
  let fleet: LabFleet;
  let url: string;

  beforeAll(async () => {
    fleet = await LabFleet.start({
      names: [...NIGHTS.well, ...NIGHTS.ill, MONITOR],
      packages: [EXPORTER],
      packagesOf: { [MONITOR]: ['prometheus'] },
    });
    await setUpNight(fleet);
    const monitor = fleet.host(MONITOR);
    url = `http://${monitor.address}:${PORTS.prometheus}`;
    monitor.write('/etc/prometheus/prometheus.yml', scraping(fleet));
    await monitor.execOk(['systemctl', 'restart', 'prometheus']);
    await until('Prometheus has seen every exporter', async () => {
      const seen = await ask(fleet, url, 'sum(up{night=~".+"})');
      return seen === `${NIGHTS.well.length + NIGHTS.ill.length}`;
    });
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('28: waits for a Prometheus that is away, is asked anew when somebody resumes it, and opens by what it says', async () => {
    const [first = '', second = ''] = NIGHTS.well;
    const monitor = fleet.host(MONITOR);
    await monitor.execOk(['systemctl', 'stop', 'prometheus']);
    const run = await fleet.begin(gatedNight(NIGHTS.well, url));
    const said = await fleet.waitsForPerson(run);
    expect(said).toContain('gate exporters cannot answer');
    expect([first, second].map(name => current(fleet.host(name)))).toEqual([NEW, OLD]);
    expect(stops(fleet.host(second))).toBe(0);

    await monitor.execOk(['systemctl', 'start', 'prometheus']);
    await until('Prometheus scrapes again', async () => (await ask(fleet, url, 'sum(up{night="well"})')) === '2');
    await fleet.cliOk('run', 'resume', run, '--reason', 'Prometheus is back');
    await fleet.succeeds(run);
    expect(current(fleet.host(second))).toBe(NEW);
  });

  it('29: stays shut where the metric says no', async () => {
    const [first = '', second = ''] = NIGHTS.ill;
    await fleet.host(first).execOk(['systemctl', 'stop', EXPORTER]);
    await until('Prometheus has seen it', async () => (await ask(fleet, url, 'sum(up{night="ill"})')) === '1');
    const run = await fleet.begin(gatedNight(NIGHTS.ill, url));
    const { code, stdout, stderr } = await fleet.watch(run);
    expect({ code, said: stderr + stdout }).toEqual({
      code: 4,
      said: expect.stringContaining('gate exporters failed: 1, and == 0 is wanted'),
    });
    expect([first, second].map(name => current(fleet.host(name)))).toEqual([NEW, OLD]);
    expect(stops(fleet.host(second))).toBe(0);
  });
});

/** Scrapes every second, each night under a label of its own. */
function scraping(fleet: LabFleet): string {
  const targets = Object.entries(NIGHTS).map(
    ([night, names]) =>
      `      - targets: ${JSON.stringify(names.map(name => `${fleet.host(name).address}:${PORTS.exporter}`))}\n        labels: {night: ${night}}\n`,
  );
  return `global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: node
    static_configs:
${targets.join('')}`;
}

/** The second server begins only if the exporters of both are up. */
function gatedNight(names: readonly string[], url: string): string {
  const night = names === NIGHTS.well ? 'well' : 'ill';
  const query = `sum(up{night=\\"${night}\\"} == bool 0)`;
  const gate = `{name: exporters, kind: metric, url: "${url}", query: "${query}", pass: "== 0", every: 1s, within: 5s, timeout: 2s}`;
  const waves = [`{name: first, when: host.name == "${names[0]}"}`, `{name: rest, gates: [${gate}]}`];
  return nightPolicy(names, { waves: `\n${waves.map(wave => `    - ${wave}\n`).join('')}` });
}

/** What Prometheus says now, asked from the gateway as the controller asks; null where it says nothing. */
async function ask(fleet: LabFleet, url: string, query: string): Promise<string | null> {
  const script =
    'const [url, query] = process.argv.slice(1);' +
    'fetch(url + "/api/v1/query?query=" + encodeURIComponent(query))' +
    '.then(answer => answer.text()).then(console.log, () => {})';
  const said = await fleet.lab.atGateway([process.execPath, '-e', script, url, query]);
  if (said === '') return null;
  const answer = JSON.parse(said) as { data?: { result?: { value: [number, string] }[] } };
  return answer.data?.result?.[0]?.value[1] ?? null;
}
