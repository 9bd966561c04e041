import { Link } from '@tanstack/react-router';
import type { RunSummary } from '@tidemark/controller/api/contract/runs.ts';
import type { ReactNode } from 'react';
import { useAsk } from '../api/use-ask.ts';
import { Asked, Moment, Nothing, Screen, Section } from '../parts/parts.tsx';
import { Progress } from '../parts/progress.tsx';
import { Status } from '../parts/status.tsx';

const DAY_MS = 86_400_000;
/** As far as people plan ahead. */
const AHEAD_MS = 7 * DAY_MS;
/** How much of last night is still of interest. */
const PAST_MS = DAY_MS;

/** What runs, what waits for me, and what comes. */
export function Tonight(): ReactNode {
  const runs = useAsk('listRuns', '/runs', {}, ['audit', 'run:']);
  return (
    <Screen title="Tonight">
      <Section title="Runs">
        <Asked query={runs} what="the runs">
          {({ runs: all }) => {
            const since = Date.now() - PAST_MS;
            const shown = all.filter(({ endedAt }) => endedAt === null || Date.parse(endedAt) > since);
            return shown.length === 0 ? (
              <Nothing title="Nothing runs" command="tidemark apply PLAN">
                An approved plan is started by this command, or on its own page under Plans.
              </Nothing>
            ) : (
              shown.map(run => <RunBar key={run.id} run={run} />)
            );
          }}
        </Asked>
      </Section>
      <div className="tm-columns">
        <NeedsMe />
        <Ahead />
      </div>
    </Screen>
  );
}

function RunBar({ run }: { run: RunSummary }) {
  const matrix = useAsk('getRunMatrix', '/runs/:run/matrix', { params: { run: run.id } }, [`run:${run.id}`], {
    everyMs: 15_000,
  });
  return (
    <article className="tm-run-bar" aria-label={`Run ${run.id}`} data-row={run.id}>
      <h3>
        <Link to="/runs/$run" params={{ run: run.id }}>
          {run.id} {run.name}
        </Link>{' '}
        <Status of={run.state} />
      </h3>
      {run.reason ? <p>{run.reason}</p> : null}
      <Asked query={matrix} what={`run ${run.id}`}>
        {data => <Progress matrix={data} />}
      </Asked>
    </article>
  );
}

function NeedsMe() {
  const incidents = useAsk('listIncidents', '/incidents', { query: { state: 'open' } }, ['incidents', 'audit']);
  const plans = useAsk('listPlans', '/plans', {}, ['audit']);
  const hosts = useAsk('listHosts', '/hosts', {}, ['hosts', 'audit']);
  return (
    <Section title="Needs somebody">
      <h3>Incidents</h3>
      <Asked query={incidents} what="the incidents">
        {({ incidents: open }) =>
          open.length === 0 ? (
            <p className="tm-none">None is open.</p>
          ) : (
            <ul className="tm-list">
              {open.map(({ id, title, takenBy }) => (
                <li key={id} data-row={id}>
                  <Status of="open" text={`#${id}`} />
                  <Link to="/incidents" search={{ id }}>
                    {title}
                  </Link>
                  <span>{takenBy ? `taken by ${takenBy}` : 'nobody looks after it'}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Asked>
      <h3>Approvals</h3>
      <Asked query={plans} what="the plans">
        {({ plans: all }) => {
          const waiting = all.filter(
            ({ approval, run, windowEnd }) => !approval.complete && run === null && Date.parse(windowEnd) > Date.now(),
          );
          return waiting.length === 0 ? (
            <p className="tm-none">No plan waits for one.</p>
          ) : (
            <ul className="tm-list">
              {waiting.map(({ digest, name, approval }) => (
                <li key={digest} data-row={digest}>
                  <Status of="needs approval" text={`${approval.approvals.length} of ${approval.needed}`} />
                  <Link to="/plans/$digest" params={{ digest }}>
                    {name}
                  </Link>
                </li>
              ))}
            </ul>
          );
        }}
      </Asked>
      <h3>Silent hosts</h3>
      <Asked query={hosts} what="the hosts">
        {({ hosts: all }) => {
          const silent = all.filter(({ state, connected }) => state === 'enrolled' && !connected);
          return silent.length === 0 ? (
            <p className="tm-none">
              All {all.filter(({ state }) => state === 'enrolled').length} enrolled hosts are connected.
            </p>
          ) : (
            <ul className="tm-list">
              {silent.slice(0, 10).map(({ name, lastSeenAt }) => (
                <li key={name} data-row={name}>
                  <Status of="silent" />
                  <Link to="/hosts/$host" params={{ host: name }}>
                    {name}
                  </Link>
                  <span>
                    last seen <Moment at={lastSeenAt} />
                  </span>
                </li>
              ))}
              {silent.length > 10 ? (
                <li>
                  <Link to="/hosts" search={{ state: 'silent' }}>
                    and {silent.length - 10} more
                  </Link>
                </li>
              ) : null}
            </ul>
          );
        }}
      </Asked>
    </Section>
  );
}

function Ahead() {
  const plans = useAsk('listPlans', '/plans', {}, ['audit']);
  return (
    <Section title="The next seven days">
      <Asked query={plans} what="the plans">
        {({ plans: all }) => {
          const now = Date.now();
          const coming = all
            .filter(
              ({ run, windowStart, windowEnd }) =>
                run === null && Date.parse(windowEnd) > now && Date.parse(windowStart) < now + AHEAD_MS,
            )
            .sort((a, b) => (a.windowStart < b.windowStart ? -1 : 1));
          return coming.length === 0 ? (
            <Nothing title="No window is planned" command="tidemark plan policy.yaml" />
          ) : (
            <ul className="tm-list">
              {coming.map(({ digest, name, windowStart, windowEnd, hosts, bundle, approval }) => (
                <li key={digest} data-row={digest}>
                  <Status of={approval.complete ? 'approved' : 'needs approval'} />
                  <Link to="/plans/$digest" params={{ digest }}>
                    {name}
                  </Link>
                  <span>
                    {bundle} on {hosts} {hosts === 1 ? 'host' : 'hosts'}
                  </span>
                  <span>
                    <Moment at={windowStart} /> to <Moment at={windowEnd} />
                  </span>
                </li>
              ))}
            </ul>
          );
        }}
      </Asked>
    </Section>
  );
}
