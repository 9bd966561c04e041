import {
  Button,
  Checkbox,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  SearchInput,
  TextInput,
} from '@patternfly/react-core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Grid } from '../matrix/grid.tsx';
import { Panel } from '../matrix/panel.tsx';
import { CELLS, type Grouping, rowsOf } from '../matrix/rows.ts';
import { Asked, Command, Failure, Moment, Nothing, quoted, Screen } from '../parts/parts.tsx';
import { Progress } from '../parts/progress.tsx';
import { Glyph, Status } from '../parts/status.tsx';

const route = getRouteApi('/runs/$run');
const GROUPINGS: readonly Grouping[] = ['wave', 'application', 'cluster', 'tier'];
const ACTIVE = ['running', 'paused', 'stopping', 'undoing'];
/** Where nobody says that anything has changed: what is expected moves on all the same. */
const LOOK_AGAIN_MS = 15_000;

/** Run matrix: all hosts of a run and how far each is. */
export function RunScreen(): ReactNode {
  const { run } = route.useParams();
  const { group = 'wave', find = '', problems = false, fold = true, host, step } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useAsk('getRunMatrix', '/runs/:run/matrix', { params: { run } }, [`run:${run}`], {
    everyMs: LOOK_AGAIN_MS,
  });
  const look = useMemo(() => ({ group, find, problems, fold }), [group, find, problems, fold]);
  const rows = useMemo(() => (query.data ? rowsOf(query.data, look) : []), [query.data, look]);
  const select = useCallback(
    (nextHost: string | undefined, nextStep: string | null) =>
      navigate({ search: old => ({ ...old, host: nextHost, step: nextStep ?? undefined }), replace: true }),
    [navigate],
  );
  const choose = (change: Partial<typeof look>) =>
    navigate({
      search: old => ({ ...old, ...change, ...(change.find === '' ? { find: undefined } : {}) }),
      replace: true,
    });
  const selected = host === undefined ? null : { host, step: step ?? null };
  const alike = rows.find(row => row.kind === 'hosts' && row.hosts.some(one => one.host === host));

  return (
    <Screen
      title={query.data ? `Run ${run} · ${query.data.name}` : `Run ${run}`}
      side={query.data ? <Control run={run} state={query.data.state} /> : null}
    >
      <Asked query={query} what={`run ${run}`}>
        {matrix => (
          <>
            <div className="tm-run-head">
              <Status of={matrix.state} />
              {matrix.reason ? <span>{matrix.reason}</span> : null}
              <Progress matrix={matrix} />
              {matrix.openIncidents > 0 ? (
                <Link to="/incidents" search={{ run }}>
                  {matrix.openIncidents} open {matrix.openIncidents === 1 ? 'incident' : 'incidents'}
                </Link>
              ) : null}
              <Link to="/plans/$digest" params={{ digest: matrix.plan }}>
                its plan
              </Link>
            </div>
            <ul className="tm-waves" aria-label="Waves">
              {matrix.waves.map(wave => (
                <li key={wave.name}>
                  {wave.name} <Status of={wave.state} />
                </li>
              ))}
            </ul>
            <search className="tm-filters">
              <SearchInput
                aria-label="Find hosts"
                placeholder="host, group, state or reason  ( / )"
                value={find}
                data-find
                onChange={(_, value) => choose({ find: value })}
                onClear={() => choose({ find: '' })}
              />
              <label>
                by{' '}
                <FormSelect
                  aria-label="Group by"
                  value={group}
                  onChange={(_, value) => choose({ group: value as Grouping })}
                >
                  {GROUPINGS.map(one => (
                    <FormSelectOption key={one} value={one} label={one} />
                  ))}
                </FormSelect>
              </label>
              <Checkbox
                id="tm-problems"
                label="problems only"
                isChecked={problems}
                onChange={(_, on) => choose({ problems: on })}
              />
              <Checkbox
                id="tm-fold"
                label="fold identical"
                isChecked={fold}
                onChange={(_, on) => choose({ fold: on })}
              />
            </search>
            {rows.length === 0 ? (
              <Nothing title="No host is like that" command={`tidemark run show ${run}`}>
                Of {matrix.hosts.length} hosts none fits the filter.
              </Nothing>
            ) : (
              <div className={selected ? 'tm-split tm-split-open' : 'tm-split'}>
                <Grid steps={matrix.steps} rows={rows} selected={selected} onSelect={select} />
                {selected ? (
                  <Panel
                    key={`${selected.host} ${selected.step}`}
                    {...{ run, ...selected }}
                    alike={alike?.kind === 'hosts' ? alike.hosts.map(one => one.host) : [selected.host]}
                    onClose={() => select(undefined, null)}
                  />
                ) : null}
              </div>
            )}
            <Legend />
          </>
        )}
      </Asked>
    </Screen>
  );
}

const Legend = () => (
  <ul className="tm-legend" aria-label="What the cells mean">
    {Object.entries(CELLS).map(([letter, { word, tone, glyph }]) => (
      <li key={letter}>
        <span className={`tm-cell tm-cell-${tone}`}>{glyph === '' ? null : <Glyph of={glyph} />}</span> {word}
      </li>
    ))}
  </ul>
);

type Act = 'pause' | 'resume' | 'stop';

/** Pause, go on, stop: with a reason, and what it would be on a command line. */
function Control({ run, state }: { run: string; state: string }) {
  const may = useMay('operator');
  const [act, setAct] = useState<Act | null>(null);
  const [reason, setReason] = useState('');
  const pause = useDo<'pauseRun'>('POST', '/runs/:run/pause');
  const resume = useDo<'resumeRun'>('POST', '/runs/:run/resume');
  const stop = useDo<'stopRun'>('POST', '/runs/:run/stop');
  if (!may || !ACTIVE.includes(state)) return null;
  const doing = { pause, resume, stop }[act ?? 'pause'];
  const confirm = () => doing.mutate({ params: { run }, body: { reason } }, { onSuccess: () => setAct(null) });
  const offered: Act[] = [
    ...(state === 'paused' ? (['resume'] as const) : state === 'running' ? (['pause'] as const) : []),
    'stop',
  ];
  return (
    <>
      {offered.map(one => (
        <Button key={one} variant={one === 'stop' ? 'danger' : 'secondary'} onClick={() => setAct(one)}>
          {WORDS[one].button}
        </Button>
      ))}
      {act === null ? null : (
        <Modal isOpen variant="small" onClose={() => setAct(null)} aria-labelledby="tm-control-title">
          <ModalHeader title={`${WORDS[act].button} run ${run}?`} labelId="tm-control-title" />
          <ModalBody>
            <p>{WORDS[act].means}</p>
            <label htmlFor="tm-control-reason">Why? It is kept in the audit log.</label>
            <TextInput id="tm-control-reason" value={reason} onChange={(_, value) => setReason(value)} />
            <Command text={`tidemark run ${act} ${run} --reason ${quoted(reason || '…')}`} />
            <Failure error={doing.error} what="It was not done" />
          </ModalBody>
          <ModalFooter>
            <Button
              isDisabled={reason.trim() === ''}
              isLoading={doing.isPending}
              onClick={confirm}
              variant={act === 'stop' ? 'danger' : 'primary'}
            >
              {WORDS[act].button}
            </Button>
            <Button variant="link" onClick={() => setAct(null)}>
              Cancel
            </Button>
          </ModalFooter>
        </Modal>
      )}
    </>
  );
}

const WORDS: Readonly<Record<Act, { button: string; means: string }>> = {
  pause: { button: 'Pause', means: 'No further host begins. What has begun comes to its end.' },
  resume: { button: 'Go on', means: 'Hosts begin again. Failures so far are accepted.' },
  stop: {
    button: 'Stop',
    means: 'No further host begins, and the run ends when what has begun is through. It cannot go on afterwards.',
  },
};

/** All runs. */
export function RunsScreen(): ReactNode {
  const query = useAsk('listRuns', '/runs', {}, ['audit', 'run:']);
  return (
    <Screen title="Runs">
      <Asked query={query} what="the runs">
        {({ runs }) =>
          runs.length === 0 ? (
            <Nothing title="There has been no run yet" command="tidemark apply PLAN" />
          ) : (
            <ul className="tm-list">
              {runs.map(one => (
                <li key={one.id} data-row={one.id}>
                  <Link to="/runs/$run" params={{ run: one.id }}>
                    {one.id} {one.name}
                  </Link>
                  <Status of={one.state} />
                  <span>
                    by {one.startedBy}, <Moment at={one.startedAt} />
                  </span>
                  <span>{one.reason}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Asked>
    </Screen>
  );
}
