import { Button, Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { getRouteApi } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Nothing, Screen, Section, Table } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';
import { standing } from './hosts.tsx';

const route = getRouteApi('/administration');
const TABS = [
  ['agents', 'Agents'],
  ['people', 'People and keys'],
  ['schedules', 'Schedules'],
  ['audit', 'Audit log'],
] as const;
const PAGE = 100;

export function AdministrationScreen(): ReactNode {
  const { tab = 'agents' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Screen title="Administration">
      <Tabs
        activeKey={tab}
        onSelect={(_, key) => navigate({ search: { tab: key as typeof tab } })}
        aria-label="Administration"
        mountOnEnter
        unmountOnExit
      >
        {TABS.map(([key, title]) => (
          <Tab key={key} eventKey={key} title={<TabTitleText>{title}</TabTitleText>}>
            {key === 'agents' ? (
              <Agents />
            ) : key === 'people' ? (
              <People />
            ) : key === 'schedules' ? (
              <Schedules />
            ) : (
              <Audit />
            )}
          </Tab>
        ))}
      </Tabs>
    </Screen>
  );
}

function Agents() {
  const query = useAsk('listHosts', '/hosts', {}, ['hosts', 'audit']);
  const may = useMay('admin');
  const evict = useDo<'evictHost'>('POST', '/hosts/:name/evict');
  const [asked, setAsked] = useState<string | null>(null);
  return (
    <Section title="Agents">
      <Command text="tidemark enrol token HOST --out HOST.token" label="Enrol one more" />
      <Asked query={query} what="the agents">
        {({ hosts }) => {
          const agents = hosts.filter(({ id }) => id !== null);
          const versions = [...Map.groupBy(agents, ({ agentVersion }) => agentVersion ?? 'not known')];
          return agents.length === 0 ? (
            <Nothing title="No agent has enrolled yet" />
          ) : (
            <>
              <p>{versions.map(([version, of]) => `${of.length} with ${version}`).join(', ')}</p>
              <Table
                label="Agents"
                rows={agents}
                keyOf={({ name }) => name}
                columns={[
                  { name: 'Host', cell: ({ name }) => name },
                  { name: 'State', cell: host => <Status of={standing(host)} /> },
                  { name: 'Version', cell: ({ agentVersion }) => agentVersion ?? '–' },
                  { name: 'Last seen', cell: ({ lastSeenAt }) => <Moment at={lastSeenAt} /> },
                  {
                    name: 'Do',
                    cell: ({ name, state }) =>
                      !may || state !== 'enrolled' ? (
                        '–'
                      ) : asked === name ? (
                        <Button
                          variant="danger"
                          size="sm"
                          onClick={() => evict.mutate({ params: { name } }, { onSettled: () => setAsked(null) })}
                        >
                          Revoke its certificates
                        </Button>
                      ) : (
                        <Button variant="link" isInline onClick={() => setAsked(name)} aria-label={`Evict ${name}`}>
                          Evict …
                        </Button>
                      ),
                  },
                ]}
              />
              <Failure error={evict.error} what="It was not evicted" />
            </>
          );
        }}
      </Asked>
    </Section>
  );
}

function People() {
  const may = useMay('admin');
  const tokens = useAsk('listApiTokens', '/tokens', {}, ['audit'], { enabled: may });
  const trust = useAsk('getTrustRoot', '/trust-root', {}, ['audit']);
  return (
    <>
      <Section title="Whose approvals count">
        <Asked query={trust} what="the trust root">
          {({ fleet, version, approvers, thresholds }) => (
            <>
              <p>
                Trust root version {version} of fleet {fleet}. It takes {thresholds.observe} approvals to look,{' '}
                {thresholds.patch} to patch and {thresholds.command} for commands.
              </p>
              <Table
                label="Approvers"
                rows={approvers}
                keyOf={({ publicKey }) => publicKey}
                columns={[
                  { name: 'Approver', cell: ({ name }) => name },
                  { name: 'For', cell: ({ classes }) => classes.join(', ') },
                  { name: 'Public key', cell: ({ publicKey }) => <code>{publicKey}</code> },
                ]}
              />
            </>
          )}
        </Asked>
      </Section>
      <Section title="Tokens">
        {may ? (
          <Asked query={tokens} what="the tokens">
            {({ tokens: all }) => (
              <Table
                label="Tokens"
                rows={all}
                keyOf={({ id }) => id}
                columns={[
                  { name: 'Name', cell: ({ name }) => name },
                  { name: 'Role', cell: ({ role }) => role },
                  { name: 'Made', cell: ({ createdAt }) => <Moment at={createdAt} /> },
                  { name: 'Expires', cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
                  { name: 'Revoked', cell: ({ revokedAt }) => <Moment at={revokedAt} /> },
                ]}
              />
            )}
          </Asked>
        ) : (
          <p className="tm-none">Tokens are shown to administrators.</p>
        )}
        <Command text="tidemark token create NAME --role viewer" label="Make one" />
      </Section>
    </>
  );
}

function Schedules() {
  const query = useAsk('listSchedules', '/schedules', {}, ['audit']);
  return (
    <Section title="Scans that come by themselves">
      <Asked query={query} what="the schedules">
        {({ schedules }) =>
          schedules.length === 0 ? (
            <Nothing title="Nothing is scheduled" command="tidemark schedule add --help" />
          ) : (
            <Table
              label="Schedules"
              rows={schedules}
              keyOf={({ name }) => name}
              columns={[
                { name: 'Name', cell: ({ name }) => name },
                { name: 'Hosts', cell: ({ select }) => <code>{select}</code> },
                { name: 'When', cell: ({ cron, timezone }) => `${cron} (${timezone})` },
                { name: 'On drift', cell: ({ onDrift }) => onDrift },
                { name: 'Next', cell: ({ nextDueAt }) => <Moment at={nextDueAt} /> },
              ]}
            />
          )
        }
      </Asked>
    </Section>
  );
}

function Audit() {
  const [after, setAfter] = useState(0);
  const query = useAsk('listAudit', '/audit', { query: { after, limit: PAGE } }, ['audit']);
  const verified = useAsk('verifyAudit', '/audit/verification', {}, []);
  return (
    <Section title="Who did what">
      <Asked query={verified} what="whether the log is intact">
        {({ intact, entries, problem }) => (
          <p>
            <Status
              of={intact ? 'intact' : 'broken'}
              text={intact ? `the chain of ${entries} entries is intact` : `entry ${problem?.id}: ${problem?.message}`}
            />
          </p>
        )}
      </Asked>
      <Asked query={query} what="the audit log">
        {({ entries, next }) => (
          <>
            <Table
              label="Audit log"
              rows={entries}
              keyOf={({ id }) => String(id)}
              columns={[
                { name: 'No.', cell: ({ id }) => id },
                { name: 'When', cell: ({ at }) => <Moment at={at} /> },
                { name: 'Who', cell: ({ actor }) => actor },
                { name: 'Did', cell: ({ action }) => action },
                { name: 'To', cell: ({ subject }) => subject },
                { name: 'Detail', cell: ({ detail }) => <code>{detail}</code> },
              ]}
            />
            <div className="tm-buttons">
              <Button variant="secondary" isDisabled={after === 0} onClick={() => setAfter(Math.max(0, after - PAGE))}>
                Older
              </Button>
              <Button variant="secondary" isDisabled={entries.length < PAGE} onClick={() => setAfter(next)}>
                Newer
              </Button>
            </div>
          </>
        )}
      </Asked>
      <Command text="tidemark audit verify" />
    </Section>
  );
}
