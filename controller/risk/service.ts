import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { HarvestProblem } from '../harvest/problem.ts';
import { type Advisory, cvesOf, isCve } from './advisory.ts';
import { BatchReader } from './batch.ts';
import { type BundleEffect, bundleEffect } from './bundle-effect.ts';
import { type Standing, standingsOf } from './cve.ts';
import type { RiskError } from './errors.ts';
import { MirrorRefused } from './errors.ts';
import { type HostRisk, type Known, riskOf } from './host-risk.ts';
import { Matches } from './matches.ts';
import { eachFile } from './open-files.ts';
import type { Fleet, ImportCounts, RiskHost, RiskSources, RiskStore } from './ports.ts';

export interface RiskOptions {
  store: RiskStore;
  sources: RiskSources;
  clock: Clock;
}

/** Of one host in a list; its own page has all. */
const SHOWN_FINDINGS = 20;

export function createRisk({ store, sources, clock }: RiskOptions) {
  const matches = new Matches(store);

  async function importFile(
    path: string,
    name: string,
    source: string,
    by: string,
  ): Promise<Result<ImportCounts, RiskError>> {
    const reader = new BatchReader();
    try {
      await eachFile(path, name, (member, text) => reader.take(member, text));
    } catch (error) {
      if (!(error instanceof HarvestProblem)) throw error;
      return err({
        code: 'advisories-invalid',
        message: `${name} cannot be read: ${error.message}; nothing of it was imported`,
      });
    }
    const batch = reader.end();
    if (!batch.ok) return err(invalid(name, batch.error));
    return ok(await store.import(batch.value, { source, by, at: clock.now() }));
  }

  /** What the arithmetic of these hosts needs. */
  async function knownOf(hosts: readonly RiskHost[], fleet: Fleet): Promise<Known> {
    const ids = new Set<string>();
    for (const host of hosts)
      for (const { hits } of matches.of(host, fleet)) for (const { advisory } of hits) ids.add(advisory);
    const heads = await store.heads([...ids]);
    const cves = [...new Set([...heads.values()].flatMap(cvesOf))];
    const [exploitation, groups] = await Promise.all([store.exploitation(cves), sources.groups()]);
    return { heads, exploitation, groups };
  }

  async function risksOf(hosts: readonly RiskHost[], fleet: Fleet): Promise<HostRisk[]> {
    const known = await knownOf(hosts, fleet);
    return hosts.map(host => riskOf(host, matches.of(host, fleet), known));
  }

  const named = async (name: string): Promise<Result<Advisory[], RiskError>> => {
    const found = await store.named(name);
    return found.length > 0
      ? ok(found)
      : err({
          code: 'advisory-unknown',
          message: `no advisory is named ${name}: "tidemark advisories import" takes those of the vendors; what is not imported is not known`,
        });
  };

  return {
    /** A file that somebody gave: one advisory, a list, a .zip or a .tar of many. All of it is taken, or nothing. */
    importFile: (input: { file: string; name: string; by: string }) =>
      importFile(input.file, input.name, input.name, input.by),

    /** The same from a mirror. */
    importUrl: ({ url, by }: { url: string; by: string }): Promise<Result<ImportCounts, RiskError>> =>
      sources
        .fetch(url, path => importFile(path, new URL(url).pathname, url, by))
        .catch((error: unknown) => {
          if (error instanceof MirrorRefused) return err({ code: 'advisories-unreachable', message: error.message });
          throw error;
        }),

    /** By its own name or a CVE number. */
    advisories: named,

    /** Where each host stands with a weakness. */
    async standings(name: string): Promise<Result<{ advisories: Advisory[]; hosts: Standing[] }, RiskError>> {
      const found = await named(name);
      if (!found.ok) return found;
      const [fleet, planned] = await Promise.all([sources.fleet(), sources.planned()]);
      return ok({ advisories: found.value, hosts: standingsOf(found.value, fleet, planned) });
    },

    /** Names of the hosts that are affected by at least one of them, whatever is planned. */
    async affectedBy(cves: readonly string[]): Promise<Result<Set<string>, RiskError>> {
      const wrong = cves.find(cve => !isCve(cve));
      if (wrong !== undefined)
        return err({ code: 'cve-invalid', message: `${wrong} is no CVE number: they are like CVE-2026-12345` });
      const fleet = await sources.fleet();
      const hosts = new Set<string>();
      for (const cve of cves) {
        const found = await named(cve);
        if (!found.ok) return found;
        for (const { host, state } of standingsOf(found.value, fleet, [])) if (state === 'affected') hosts.add(host);
      }
      return ok(hosts);
    },

    /** Of one host, with every finding; of a fleet the worst hosts first, each with its worst findings. */
    async host(name: string): Promise<Result<HostRisk, RiskError>> {
      const fleet = await sources.fleet();
      const host = fleet.hosts.find(each => each.name === name);
      if (!host)
        return err({ code: 'host-unknown', message: `there is no host ${name}: "tidemark get hosts" lists them` });
      await matches.update(fleet);
      const [risk] = await risksOf([host], fleet);
      return risk ? ok(risk) : err({ code: 'host-unknown', message: `nothing is known of ${name}` });
    },

    async hosts(limit: number): Promise<{ hosts: HostRisk[]; total: number }> {
      const fleet = await sources.fleet();
      await matches.update(fleet);
      const known = await knownOf(fleet.hosts, fleet);
      let worst: HostRisk[] = [];
      for (const [index, host] of fleet.hosts.entries()) {
        const risk = riskOf(host, matches.of(host, fleet), known);
        // All findings of a fleet would not fit into memory.
        worst.push({ ...risk, findings: risk.findings.slice(0, SHOWN_FINDINGS) });
        if (worst.length >= 2 * limit || index === fleet.hosts.length - 1)
          worst = worst.sort((a, b) => b.score - a.score || (a.host < b.host ? -1 : 1)).slice(0, limit);
        await new Promise<void>(next => setImmediate(next));
      }
      return { hosts: worst, total: fleet.hosts.length };
    },

    /** What is gone from each host once it has the packages of a bundle. */
    async bundle(name: string): Promise<Result<BundleEffect, RiskError>> {
      const bundle = await sources.bundle(name);
      if (!bundle)
        return err({
          code: 'bundle-unknown',
          message: `there is no bundle ${name}: "tidemark get bundles" lists them`,
        });
      const fleet = await sources.fleet();
      await matches.update(fleet);
      const known = await knownOf(fleet.hosts, fleet);
      return ok(await bundleEffect({ name, packages: bundle.packages }, fleet, { matches, known, store }));
    },

    /** Judges what is installed anew, so that whoever asks next does not wait for it. */
    async refresh(): Promise<void> {
      await matches.update(await sources.fleet());
    },
  };
}

function invalid(name: string, problems: readonly string[]): RiskError {
  const [first] = problems;
  const count = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  return {
    code: 'advisories-invalid',
    message: `nothing of ${name} was imported: ${first}${count}`,
    details: problems.map(message => ({ message })),
  };
}
