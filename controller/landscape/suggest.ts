import { digestOf } from '@tidemark/shared/base/digest.ts';
import { compareText, type LandscapeComponent, type LandscapeContent, refText } from './landscape.ts';

/** What the agent of a host saw. */
export interface SeenHost {
  host: string;
  /** Its own, without prefix lengths. */
  addresses: readonly string[];
  sockets: readonly { protocol: string; port: number; process: string; unit: string }[];
  /** Whom its processes called. */
  peers: readonly { address: string; port: number; process: string; unit: string }[];
}

/** An end of a connection: the component behind it, where that is known. */
export interface SeenEnd {
  host: string;
  component: string | null;
  process: string;
}

/** Two hosts that talk with each other, of which the landscape does not know. */
export interface Suggestion {
  id: string;
  from: SeenEnd;
  to: SeenEnd & { port: number };
  message: string;
}

/** Every host calls these, and none of it is a component that waits for another. */
const EVERYBODYS_PORTS: ReadonlySet<number> = new Set([22, 53, 123]);

/** Connections between hosts of the landscape that no dependency says. Pure, and the same for the same facts. */
export function suggestDependencies(landscape: LandscapeContent, seen: readonly SeenHost[]): Suggestion[] {
  const hosts = new Set(landscape.hosts.map(({ name }) => name));
  const byHost = new Map(seen.map(each => [each.host, each]));
  const hostAt = addressesOf(landscape, seen);
  const components = Map.groupBy(landscape.components, ({ host }) => host);
  const known = new Set((landscape.dependencies ?? []).map(({ from, to }) => `${refText(from)} ${refText(to)}`));
  const found = new Map<string, Suggestion>();
  for (const { host, peers } of seen) {
    if (!hosts.has(host)) continue;
    for (const { address, port, process, unit } of peers) {
      const other = hostAt.get(address);
      if (!other || other === host || !hosts.has(other) || EVERYBODYS_PORTS.has(port)) continue;
      const listener = byHost.get(other)?.sockets.find(socket => socket.port === port && socket.protocol === 'tcp');
      const from: SeenEnd = { host, component: componentOf(components.get(host), unit, process), process };
      const to = {
        ...{ host: other, port, process: listener?.process ?? '' },
        component: componentOf(components.get(other), listener?.unit ?? '', listener?.process ?? ''),
      };
      if (
        from.component !== null &&
        to.component !== null &&
        known.has(`${from.component}@${host} ${to.component}@${other}`)
      )
        continue;
      const key = `${from.component ?? process}@${host} ${to.component ?? ''}@${other}:${port}`;
      found.set(key, { id: digestOf(Buffer.from(key)).slice(7, 19), from, to, message: sentence(from, to) });
    }
  }
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, suggestion]) => suggestion);
}

const sentence = (from: SeenEnd, to: Suggestion['to']): string =>
  `${from.component ?? (from.process || 'something')} on ${from.host} talks to ${to.host}:${to.port} (${to.component ?? (to.process || 'nobody known')}), which the landscape does not know`;

/** Addresses of one host alone: that of a bridge for containers is on all of them. */
function addressesOf(landscape: LandscapeContent, seen: readonly SeenHost[]): Map<string, string> {
  const owners = new Map<string, Set<string>>();
  const own = (address: string, host: string) => owners.set(address, (owners.get(address) ?? new Set()).add(host));
  for (const { host, addresses } of seen) for (const address of addresses) own(address, host);
  for (const { name, addresses = [] } of landscape.hosts) for (const address of addresses) own(address, name);
  return new Map(
    [...owners].flatMap(([address, hosts]) => (hosts.size === 1 ? [[address, [...hosts][0] as string] as const] : [])),
  );
}

/** By the unit that it is run by, then by its name. */
function componentOf(components: readonly LandscapeComponent[] = [], unit: string, process: string): string | null {
  const byUnit = components.find(
    ({ service }) => service?.provider === 'systemd' && unit !== '' && service.units.includes(unit),
  );
  const named = [unit.replace(/\.service$/, ''), process].filter(name => name !== '');
  return (
    (
      byUnit ??
      components.find(({ name, package: of }) => named.includes(name) || (of !== undefined && named.includes(of)))
    )?.name ?? null
  );
}
