import { z } from 'zod';
import { read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { resolveBelow } from './server-path.ts';
import { needTool } from './tools.ts';

export interface PatroniMember {
  name: string;
  leads: boolean;
  /** It runs and has a leader to follow. */
  follows: boolean;
  /** Null where nobody knows. */
  lagBytes: number | null;
}

const Member = z.object({
  Member: z.string(),
  Role: z.string(),
  State: z.string(),
  'Lag in MB': z.union([z.number(), z.string()]).optional(),
});

/** What `patronictl list --format json` says (Patroni 2 and 3). Pure; throws where it is something else. */
export function readMembers(json: string): PatroniMember[] {
  return z
    .array(Member)
    .parse(JSON.parse(json))
    .map(({ Member: name, Role: role, State: state, 'Lag in MB': lag }) => ({
      name,
      leads: role === 'Leader' && state === 'running',
      // Before version 3.0.3 a replica that streams is only said to run.
      follows: /Replica|Sync Standby|Quorum Standby/.test(role) && /^(running|streaming)$/.test(state),
      lagBytes: typeof lag === 'number' ? lag * 1024 * 1024 : null,
    }));
}

/** Patroni's cluster, by its own tool and the configuration of the member on this host. */
export function createPatroni(configuration: string, place: CommandPlace) {
  const patronictl = (...args: string[]) =>
    read([needTool(place.root, 'patronictl'), '-c', resolveBelow(place.root, configuration), ...args], {
      ...place,
      // Without a terminal it draws and asks nothing; what it writes must not depend on where it runs.
      environment: { ...place.environment, LC_ALL: 'C.UTF-8', COLUMNS: '200' },
    });
  return {
    members: async () => readMembers(await patronictl('list', '--format', 'json')),
    switchover: async (leader: string, candidate: string | null) => {
      const to = candidate === null ? [] : ['--candidate', candidate];
      await patronictl('switchover', '--leader', leader, ...to, '--scheduled', 'now', '--force');
    },
  };
}
