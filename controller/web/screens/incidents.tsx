import { Button, FormSelect, FormSelectOption, SearchInput, TextArea, Title } from '@patternfly/react-core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Incident, IncidentDetail } from '@tidemark/controller/api/contract/incidents.ts';
import { type ReactNode, useState } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Nothing, quoted, Screen } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

const route = getRouteApi('/incidents');
const TOPICS = ['incidents', 'audit', 'run:'];

/** What needs, or needed, a decision. */
export function IncidentsScreen(): ReactNode {
  const { state = 'open', run, find = '', id } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useAsk('listIncidents', '/incidents', { query: { state } }, TOPICS);
  const wanted = find.toLowerCase();
  return (
    <Screen title="Incidents">
      <search className="tm-filters">
        <SearchInput
          aria-label="Find incidents"
          placeholder="title, host or run  ( / )"
          value={find}
          data-find
          onChange={(_, value) => navigate({ search: old => ({ ...old, find: value || undefined }), replace: true })}
          onClear={() => navigate({ search: old => ({ ...old, find: undefined }), replace: true })}
        />
        <label>
          state{' '}
          <FormSelect
            aria-label="State"
            value={state}
            onChange={(_, value) =>
              navigate({ search: old => ({ ...old, state: value as typeof state }), replace: true })
            }
          >
            {['open', 'resolved', 'all'].map(one => (
              <FormSelectOption key={one} value={one} label={one} />
            ))}
          </FormSelect>
        </label>
        {run ? (
          <Button variant="link" onClick={() => navigate({ search: old => ({ ...old, run: undefined }) })}>
            of run {run} only: show all
          </Button>
        ) : null}
      </search>
      <Asked query={query} what="the incidents">
        {({ incidents }) => {
          const shown = incidents.filter(
            one =>
              (run === undefined || one.run === run) &&
              `${one.title} ${one.host ?? ''} ${one.run ?? ''}`.toLowerCase().includes(wanted),
          );
          return (
            <div className={id === undefined ? 'tm-split' : 'tm-split tm-split-open'}>
              {shown.length === 0 ? (
                <Nothing title={state === 'open' ? 'Nothing needs a decision' : 'There is none'}>
                  Incidents open by themselves when a run, a scan or a server needs somebody.
                </Nothing>
              ) : (
                <ul className="tm-list tm-incidents">
                  {shown.map(one => (
                    <Line key={one.id} incident={one} selected={one.id === id} />
                  ))}
                </ul>
              )}
              {id === undefined ? null : (
                <Detail key={id} id={id} onClose={() => navigate({ search: old => ({ ...old, id: undefined }) })} />
              )}
            </div>
          );
        }}
      </Asked>
    </Screen>
  );
}

function Line({ incident, selected }: { incident: Incident; selected: boolean }) {
  const { id, title, state, run, openedAt, takenBy, alike } = incident;
  return (
    <li data-row={id} className={selected ? 'tm-selected' : ''}>
      <Status of={state} text={`#${id} ${state}`} />
      <Link from="/incidents" to="/incidents" search={old => ({ ...old, id })}>
        {title}
      </Link>
      <span>
        {run ? `run ${run} · ` : ''}
        <Moment at={openedAt} />
        {alike > 0 ? ` · ${alike} alike` : ''} · {takenBy ? `taken by ${takenBy}` : 'nobody looks after it'}
      </span>
    </li>
  );
}

function Detail({ id, onClose }: { id: number; onClose: () => void }) {
  const query = useAsk('getIncident', '/incidents/:id', { params: { id } }, TOPICS, { everyMs: 15_000 });
  return (
    <aside className="tm-panel" aria-label={`Incident ${id}`}>
      <header>
        <Title headingLevel="h2" size="lg">
          Incident #{id}
        </Title>
        <Button variant="plain" onClick={onClose} aria-label="Close (Esc)">
          ×
        </Button>
      </header>
      <Asked query={query} what={`incident ${id}`}>
        {incident => (
          <>
            <About incident={incident} />
            <Actions incident={incident} />
          </>
        )}
      </Asked>
    </aside>
  );
}

function About({ incident }: { incident: IncidentDetail }) {
  const { title, detail, state, run, host, job, peers, held, noSpare, minutesLeft, alikeHosts, comments } = incident;
  return (
    <>
      <p className="tm-incident-title">
        <Status of={state} text={title} />
      </p>
      <p>{detail}</p>
      {run && host ? (
        <p>
          <Link to="/runs/$run" params={{ run }} search={{ host, ...(job ? { step: job.step } : {}) }}>
            {host} in run {run}
          </Link>
          {minutesLeft === null ? null : ` · ${minutesLeft} minutes left in the window`}
        </p>
      ) : null}
      {job ? (
        <>
          <h3>
            {job.name}: {job.state}, attempt {job.attempt} of {job.attempts}
          </h3>
          {job.message ? <p>{job.message}</p> : null}
          {job.output ? (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
            <pre className="tm-output" tabIndex={0} role="log" aria-label="The end of its output">
              {job.output}
            </pre>
          ) : null}
        </>
      ) : null}
      <Names title="Held because of it" names={held} />
      <Names title="Without a spare" names={noSpare} />
      <Names title="The same error on" names={alikeHosts} />
      {peers.length > 0 ? (
        <>
          <h3>Its peers</h3>
          <ul className="tm-list">
            {peers.map(peer => (
              <li key={peer.host}>
                {peer.host} <Status of={peer.state} /> <span>{peer.reason}</span>
              </li>
            ))}
          </ul>
        </>
      ) : null}
      {incident.takenBy ? <p>Taken by {incident.takenBy}</p> : null}
      {incident.resolution ? (
        <p>
          Resolved by {incident.resolvedBy}: {incident.resolution}
        </p>
      ) : null}
      {comments.length > 0 ? (
        <>
          <h3>Comments</h3>
          <ul className="tm-list">
            {comments.map(({ at, by, text }) => (
              <li key={`${at} ${text}`}>
                <span>
                  {by}, <Moment at={at} />
                </span>
                <p>{text}</p>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <p>{names.join(', ')}</p>
    </>
  );
}

function Actions({ incident: { id, state, actions, takenBy } }: { incident: IncidentDetail }) {
  const may = useMay('operator');
  const [text, setText] = useState('');
  const take = useDo<'takeIncident'>('POST', '/incidents/:id/take');
  const comment = useDo<'commentIncident'>('POST', '/incidents/:id/comments');
  const resolve = useDo<'resolveIncident'>('POST', '/incidents/:id/resolve');
  const open = state === 'open';
  const params = { id };
  const done = { onSuccess: () => setText('') };
  return (
    <section className="tm-decisions" aria-label="What can be done">
      {actions.length > 0 ? (
        <>
          <h3>What would be accepted now</h3>
          {actions.map(action => (
            <Command key={action} text={action} label={action} />
          ))}
        </>
      ) : null}
      {may ? (
        <>
          <label htmlFor="tm-incident-text">What was found out, or done</label>
          <TextArea
            id="tm-incident-text"
            value={text}
            onChange={(_, value) => setText(value)}
            resizeOrientation="vertical"
          />
          <div className="tm-buttons">
            {open ? (
              <Button variant="secondary" isLoading={take.isPending} onClick={() => take.mutate({ params })}>
                {takenBy ? 'Take it over' : 'Take'}
              </Button>
            ) : null}
            <Button
              variant="secondary"
              isDisabled={text.trim() === ''}
              onClick={() => comment.mutate({ params, body: { text } }, done)}
            >
              Comment
            </Button>
            {open ? (
              <Button
                isDisabled={text.trim() === ''}
                onClick={() => resolve.mutate({ params, body: { reason: text } }, done)}
              >
                Resolve
              </Button>
            ) : null}
          </div>
          {text.trim() === '' ? null : (
            <Command text={`tidemark incident resolve ${id} --reason ${quoted(text.trim())}`} />
          )}
          <Failure error={take.error ?? comment.error ?? resolve.error} what="It was not done" />
        </>
      ) : null}
    </section>
  );
}
