import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../api/use-ask.ts';
import { Asked, Moment, Nothing, Screen, Table } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

/** Plans, and how far each is on its way to be allowed to run. */
export function PlansScreen(): ReactNode {
  const query = useAsk('listPlans', '/plans', {}, ['audit']);
  return (
    <Screen title="Plans">
      <Asked query={query} what="the plans">
        {({ plans }) =>
          plans.length === 0 ? (
            <Nothing title="There is no plan yet" command="tidemark plan policy.yaml --out plan.json" />
          ) : (
            <Table
              label="Plans"
              rows={plans}
              keyOf={({ digest }) => digest}
              columns={[
                {
                  name: 'Plan',
                  cell: ({ digest, name }) => (
                    <Link to="/plans/$digest" params={{ digest }}>
                      {name} <code>{digest.slice(7, 19)}</code>
                    </Link>
                  ),
                },
                { name: 'Bundle', cell: ({ bundle }) => bundle },
                {
                  name: 'Hosts',
                  cell: ({ hosts, excluded }) => `${hosts}${excluded > 0 ? `, ${excluded} left out` : ''}`,
                },
                { name: 'Window', cell: ({ windowStart }) => <Moment at={windowStart} /> },
                {
                  name: 'Approvals',
                  cell: ({ approval: { complete, approvals, needed } }) => (
                    <Status of={complete ? 'approved' : 'needs approval'} text={`${approvals.length} of ${needed}`} />
                  ),
                },
                {
                  name: 'Run',
                  cell: ({ run }) =>
                    run === null ? (
                      '–'
                    ) : (
                      <Link to="/runs/$run" params={{ run }}>
                        {run}
                      </Link>
                    ),
                },
                { name: 'By', cell: ({ author }) => author },
              ]}
            />
          )
        }
      </Asked>
    </Screen>
  );
}
