import { Button } from '@patternfly/react-core';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import type { StoredPlan } from '@tidemark/controller/api/contract/plans.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { ReactNode } from 'react';
import { parsePlain } from '../api/plain.ts';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Nothing, Screen, Section, Table } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';
import { duration } from '../parts/time.ts';

const route = getRouteApi('/plans/$digest');

/** What an approver reads before they sign. */
export function PlanScreen(): ReactNode {
  const { digest } = route.useParams();
  const query = useAsk('getPlan', '/plans/:digest', { params: { digest } }, ['audit']);
  return (
    <Screen title="Plan">
      <Asked query={query} what="the plan">
        {plan => <Plan plan={plan} header={parsePlain(plan.document.header) as PlanHeader} />}
      </Asked>
    </Screen>
  );
}

function Plan({ plan, header }: { plan: StoredPlan; header: PlanHeader }) {
  const { window, bundle, emergency, excluded, hosts, waves, budgets, limits } = header;
  return (
    <>
      <dl className="tm-facts">
        <Fact name="Plan">
          {header.name} by {header.author}, <Moment at={at(header.compiledAt)} />
        </Fact>
        <Fact name="Bundle">
          {bundle.name}
          {bundle.leftOut?.length ? `, without ${bundle.leftOut.join(', ')}` : ''}
        </Fact>
        <Fact name="Window">
          <Moment at={at(window.start)} /> to <Moment at={at(window.end)} /> ({window.timezone}), of it{' '}
          {duration(window.reserveMs)} in reserve
        </Fact>
        {(window.skipped ?? []).map(({ start, reason }) => (
          <Fact key={start} name="Passed over">
            <Moment at={at(start)} />: {reason}
          </Fact>
        ))}
        {emergency ? (
          <Fact name="Emergency">
            {emergency.reason}: {emergency.changes.join('; ')}
          </Fact>
        ) : null}
        <Fact name="Hosts">
          {hosts.length} in {waves.length} {waves.length === 1 ? 'wave' : 'waves'}, {excluded.length} left out
        </Fact>
      </dl>
      <Approval plan={plan} />
      <Forecast digest={plan.digest} />
      <Section title="Waves">
        {waves.map(({ name, needs, maxParallel, soakMs, gates }) => {
          const members = hosts.filter(host => host.wave === name);
          return (
            <article key={name} className="tm-wave">
              <h3>
                {name} <span className="tm-count">{members.length === 1 ? '1 host' : `${members.length} hosts`}</span>
              </h3>
              <p>
                {maxParallel} at once{needs.length > 0 ? `, after ${needs.join(', ')}` : ''}
                {soakMs > 0 ? `, then ${duration(soakMs)} of soaking` : ''}
                {gates?.length ? `, behind ${gates.map(gate => `${gate.kind} ${gate.name}`).join(', ')}` : ''}
              </p>
              <Table
                label={`Hosts of wave ${name}`}
                rows={members}
                keyOf={({ id }) => id}
                columns={[
                  {
                    name: 'Host',
                    cell: host => (
                      <Link to="/hosts/$host" params={{ host: host.name }}>
                        {host.name}
                      </Link>
                    ),
                  },
                  { name: 'Application', cell: ({ application }) => application ?? '–' },
                  {
                    name: 'Cluster',
                    cell: ({ cluster, clusterRole }) => (cluster ? `${cluster} (${clusterRole ?? 'alike'})` : '–'),
                  },
                  {
                    name: 'Changes',
                    cell: ({ changes }) =>
                      changes
                        .map(({ component, from, to }) => `${component} ${from ?? 'nothing'} → ${to}`)
                        .join(', ') || '–',
                  },
                ]}
              />
            </article>
          );
        })}
      </Section>
      <Section title="Left out, and why">
        {excluded.length === 0 ? (
          <p className="tm-none">All that were selected are in the plan.</p>
        ) : (
          <Table
            label="Hosts that are left out"
            rows={excluded}
            keyOf={({ host }) => host}
            columns={[
              { name: 'Host', cell: ({ host }) => host },
              { name: 'Why', cell: ({ reason }) => reason },
            ]}
          />
        )}
      </Section>
      <Section title="Rules">
        <ul className="tm-list">
          {limits.map(({ name, maxOut, hosts: among, reason }) => (
            <li key={name}>
              <span>
                at most {maxOut} of {among.length} of {name} out at once: {reason}
              </span>
            </li>
          ))}
          {budgets.map(budget => (
            <li key={JSON.stringify(budget)}>
              <span>
                {budget.action} when more than {budget.maxFailed ?? `${100 * (budget.maxFailedShare ?? 0)} %`} have
                failed ({budget.scope} {budget.of ?? ''})
              </span>
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

const at = (ms: number): string => new Date(ms).toISOString();

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Approval({ plan: { digest, approval, run } }: { plan: StoredPlan }) {
  const may = useMay('operator');
  const navigate = useNavigate();
  const apply = useDo<'createRun'>('POST', '/runs');
  const begin = () =>
    apply.mutate(
      { body: { plan: digest } },
      { onSuccess: begun => navigate({ to: '/runs/$run', params: { run: begun.run } }) },
    );
  return (
    <Section title="Approval">
      <p>
        <Status
          of={approval.complete ? 'approved' : 'needs approval'}
          text={`${approval.approvals.length} of ${approval.needed} approvals`}
        />
      </p>
      <ul className="tm-list">
        {approval.approvals.map(({ approver, approvedAt, expiresAt }) => (
          <li key={`${approver} ${approvedAt}`}>
            <span>
              {approver}, <Moment at={approvedAt} />, counts until <Moment at={expiresAt} />
            </span>
          </li>
        ))}
      </ul>
      {run ? (
        <p>
          It runs, or ran, as{' '}
          <Link to="/runs/$run" params={{ run }}>
            {run}
          </Link>
          .
        </p>
      ) : (
        <>
          <p>
            This digest is what is signed. The approver's own command computes it from the plan; compare it with this
            one:
          </p>
          <p className="tm-digest">
            <code>{digest}</code>
          </p>
          {approval.complete ? null : (
            <Command text={`tidemark approve ${digest} --key approver.key`} label="Sign it, where the key is" />
          )}
          <Command text={`tidemark apply ${digest}`} label="Start it" />
          {may && approval.complete ? (
            <Button onClick={begin} isLoading={apply.isPending}>
              Start the run
            </Button>
          ) : null}
          <Failure error={apply.error} what="It was not started" />
        </>
      )}
    </Section>
  );
}

function Forecast({ digest }: { digest: string }) {
  const query = useAsk('forecastPlan', '/plans/:digest/forecast', { params: { digest }, query: {} }, []);
  return (
    <Section title="How the night will probably go">
      <Asked query={query} what="the forecast">
        {({ end, marginMs, late, binds, repetitions }) => (
          <>
            <p>
              <Status
                of={marginMs >= 0 ? 'fits' : 'does not fit'}
                text={marginMs >= 0 ? `fits with ${duration(marginMs)} to spare` : `${duration(-marginMs)} too long`}
              />{' '}
              ends at <Moment at={end.p50} /> in half of {repetitions} nights, at <Moment at={end.p90} /> in nine of ten
            </p>
            {late.length > 0 ? (
              <ul className="tm-list">
                {late.map(({ host, share, reason }) => (
                  <li key={host}>
                    {host} is not begun in {Math.round(100 * share)} % of the nights: {reason}
                  </li>
                ))}
              </ul>
            ) : null}
            {binds.length > 0 ? (
              <ul className="tm-list">
                {binds.map(({ limit, is, raisedTo, earlierMs }) => (
                  <li key={limit}>
                    {limit}: {raisedTo} instead of {is} would end it {duration(earlierMs)} earlier
                  </li>
                ))}
              </ul>
            ) : null}
          </>
        )}
      </Asked>
      {query.error ? <Nothing title="No forecast" command={`tidemark plan forecast ${digest}`} /> : null}
    </Section>
  );
}
