import { read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { needTool } from './tools.ts';

export interface PacemakerNode {
  name: string;
  online: boolean;
  standby: boolean;
  maintenance: boolean;
  /** How many resources run on it. */
  resources: number;
}

export interface PacemakerStatus {
  quorum: boolean;
  nodes: PacemakerNode[];
  /** Ids of the resources that run somewhere, or are about to. */
  active: string[];
  /** Of these, the ids of those that are neither starting nor stopping. */
  settled: string[];
}

/** What `crm_mon --output-as=xml` says (Pacemaker 2.0 and later). Pure. */
export function readStatus(xml: string): PacemakerStatus {
  const elements = (name: string) =>
    [...xml.matchAll(new RegExp(`<${name}\\s([^>]*?)/?>`, 'g'))].map(match => attributes(match[1] ?? ''));
  const dc = elements('current_dc')[0];
  const active = elements('resource').filter(each => each['active'] === 'true');
  return {
    quorum: dc?.['with_quorum'] === 'true',
    // Below a resource, nodes are named once more, without a state.
    nodes: elements('node')
      .filter(each => each['online'] !== undefined)
      .map(each => ({
        name: each['name'] ?? '',
        online: each['online'] === 'true',
        standby: each['standby'] === 'true',
        maintenance: each['maintenance'] === 'true',
        resources: Number(each['resources_running'] ?? Number.NaN),
      })),
    active: distinct(active.map(each => each['id'] ?? '')),
    settled: distinct(active.filter(each => !/ing$/.test(each['role'] ?? '')).map(each => each['id'] ?? '')),
  };
}

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];

function attributes(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

/** The cluster as this host's Pacemaker sees it, by Pacemaker's own tools: they are there with crmsh, pcs and neither. */
export function createPacemaker(place: CommandPlace) {
  const tool = (name: string, ...args: string[]) => read([needTool(place.root, name), ...args], place);
  return {
    ownName: async () => (await tool('crm_node', '--name')).trim(),
    status: async () => readStatus(await tool('crm_mon', '--one-shot', '--output-as=xml')),
    /** Survives a reboot of the node. */
    setStandby: async (node: string, standby: boolean) => {
      const change = standby ? ['--update', 'on'] : ['--delete'];
      await tool('crm_attribute', '--type', 'nodes', '--node', node, '--name', 'standby', ...change);
    },
  };
}
