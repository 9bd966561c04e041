import { existsSync } from 'node:fs';
import { run, runOk } from './command.ts';
import { GATEWAY, type LabPlaces, NETWORK_BITS } from './places.ts';

/*
 * A bridge in a network namespace of its own and a namespace for each host, joined by veth pairs: nothing of it reaches
 * the machine's own network. A host's namespace outlives its reboots, and rules that are set there from outside
 * (`host.net(['nft', ...])`) are the cable, not the host.
 */

const BRIDGE = 'br0';
/** Fixed: a bridge without its own takes the lowest of its ports', and changes it as ports come and go. */
const BRIDGE_MAC = '02:77:00:00:00:01';

export async function makeBridge(lab: LabPlaces): Promise<void> {
  if (namespaceExists(lab.bridgeNamespace)) return;
  const there = lab.bridgeNamespace;
  await runOk(['ip', 'netns', 'add', there]);
  await ip(there, 'link set lo up');
  await ip(there, `link add ${BRIDGE} address ${BRIDGE_MAC} type bridge stp_state 0 forward_delay 0`);
  await ip(there, `addr add ${GATEWAY}/${NETWORK_BITS} dev ${BRIDGE}`);
  await ip(there, `link set ${BRIDGE} up`);
}

/** `index` makes the name of the port, which is too short for the host's own. */
export async function plugIn(lab: LabPlaces, host: string, index: number, address: string): Promise<void> {
  const [bridge, there] = [lab.bridgeNamespace, lab.hostNamespace(host)];
  await runOk(['ip', 'netns', 'add', there]);
  await ip(bridge, `link add v${index} type veth peer name host0 netns ${there}`);
  await ip(bridge, `link set v${index} master ${BRIDGE} up`);
  await ip(there, 'link set lo up');
  await ip(there, `addr add ${address}/${NETWORK_BITS} dev host0`);
  await ip(there, 'link set host0 up');
}

/** The namespaces of a lab, whatever is left of it. */
export async function removeNetwork(lab: LabPlaces): Promise<void> {
  const names = (await runOk(['ip', 'netns', 'list'])).split('\n').map(line => line.split(' ')[0] ?? '');
  const own = names.filter(name => name === lab.bridgeNamespace || name.startsWith(`${lab.bridgeNamespace}-`));
  // One process for all; one that is gone meanwhile is no reason to stop.
  if (own.length > 0)
    await run(['ip', '-force', '-batch', '-'], { input: own.map(name => `netns del ${name}\n`).join('') });
}

const namespaceExists = (name: string): boolean => existsSync(`/run/netns/${name}`);

const ip = (namespace: string, words: string): Promise<string> => runOk(['ip', '-n', namespace, ...words.split(' ')]);
