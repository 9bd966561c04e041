import { FormSelect, FormSelectOption, SearchInput } from '@patternfly/react-core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { HostSummary } from '@tidemark/controller/api/contract/hosts.ts';
import type { ReactNode } from 'react';
import { useAsk } from '../api/use-ask.ts';
import { Asked, Moment, Nothing, Screen, Table } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

const route = getRouteApi('/hosts');
const STATES = ['silent', 'connected', 'not-enrolled', 'evicted', 'banned'] as const;
/** More is not read by anybody; a filter finds the others. */
const SHOWN = 500;

/** How a host stands towards the controller. */
export const standing = ({ state, connected }: HostSummary): (typeof STATES)[number] =>
  state === 'enrolled' ? (connected ? 'connected' : 'silent') : state;

export function HostsScreen(): ReactNode {
  const { find = '', state } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useAsk('listHosts', '/hosts', {}, ['hosts', 'audit']);
  const wanted = find.toLowerCase();
  return (
    <Screen title="Hosts">
      <search className="tm-filters">
        <SearchInput
          aria-label="Find hosts"
          placeholder="name, application, environment or tag  ( / )"
          value={find}
          data-find
          onChange={(_, value) => navigate({ search: old => ({ ...old, find: value || undefined }), replace: true })}
          onClear={() => navigate({ search: old => ({ ...old, find: undefined }), replace: true })}
        />
        <label>
          state{' '}
          <FormSelect
            aria-label="State"
            value={state ?? ''}
            onChange={(_, value) =>
              navigate({ search: old => ({ ...old, state: (value || undefined) as typeof state }), replace: true })
            }
          >
            <FormSelectOption value="" label="any" />
            {STATES.map(one => (
              <FormSelectOption key={one} value={one} label={one} />
            ))}
          </FormSelect>
        </label>
      </search>
      <Asked query={query} what="the hosts">
        {({ hosts }) => {
          const shown = hosts.filter(
            host =>
              (state === undefined || standing(host) === state) &&
              [host.name, host.application ?? '', host.environment ?? '', ...host.tags].some(text =>
                text.toLowerCase().includes(wanted),
              ),
          );
          if (shown.length === 0)
            return <Nothing title="No host is like that" command="tidemark landscape import landscape.yaml" />;
          return (
            <>
              <p className="tm-small" role="status">
                {shown.length} of {hosts.length} hosts{shown.length > SHOWN ? `, the first ${SHOWN} of them here` : ''}
              </p>
              <Table
                label="Hosts"
                rows={shown.slice(0, SHOWN)}
                keyOf={({ name }) => name}
                columns={[
                  {
                    name: 'Host',
                    cell: ({ name }) => (
                      <Link to="/hosts/$host" params={{ host: name }}>
                        {name}
                      </Link>
                    ),
                  },
                  { name: 'State', cell: host => <Status of={standing(host)} /> },
                  { name: 'Application', cell: ({ application }) => application ?? '–' },
                  { name: 'Environment', cell: ({ environment }) => environment ?? '–' },
                  { name: 'Tags', cell: ({ tags }) => tags.join(', ') || '–' },
                  { name: 'Agent', cell: ({ agentVersion }) => agentVersion ?? '–' },
                  { name: 'Last seen', cell: ({ lastSeenAt }) => <Moment at={lastSeenAt} /> },
                ]}
              />
            </>
          );
        }}
      </Asked>
    </Screen>
  );
}
