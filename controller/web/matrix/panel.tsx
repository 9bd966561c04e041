import { Button, TextInput, Title } from '@patternfly/react-core';
import type { RunJob } from '@tidemark/controller/api/contract/runs.ts';
import { useState } from 'react';
import { plainBytes } from '../api/plain.ts';
import { useAsk } from '../api/use-ask.ts';
import { Asked, Command, Moment, quoted } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

/** While it runs, an output is looked at so often: what people take for live. */
const TAIL_MS = 1_000;
const MOVING = ['released', 'running'];

interface Props {
  run: string;
  host: string;
  step: string | null;
  /** All that the row stands for: what is done is done for each. */
  alike: readonly string[];
  onClose: () => void;
}

/** One host, or what one step does on it: attempts, output, and what can be decided about it. */
export function Panel({ run, host, step, alike, onClose }: Props) {
  const query = useAsk('getRunHost', '/runs/:run/hosts/:host', { params: { run, host } }, [`run:${run}`]);
  return (
    <aside className="tm-panel" aria-label={`${host} in run ${run}`}>
      <header>
        <Title headingLevel="h2" size="lg">
          {host}
          {step ? ` · ${step}` : ''}
        </Title>
        <Button variant="plain" onClick={onClose} aria-label="Close (Esc)">
          ×
        </Button>
      </header>
      <Asked query={query} what={`host ${host}`}>
        {({ state, reason, wave, jobs }) => {
          const shown = jobs.filter(job => step === null || job.step === step);
          return (
            <>
              <p>
                <Status of={state} /> in wave {wave}
                {reason ? `: ${reason}` : ''}
              </p>
              {alike.length > 1 ? (
                <p>
                  The row stands for {alike.length} hosts: {alike.join(', ')}
                </p>
              ) : null}
              {shown.map(job => (
                <Job key={`${job.direction} ${job.position}`} {...{ run, host, job }} open={step !== null} />
              ))}
              <Decisions {...{ run, jobs: shown }} hosts={alike} />
            </>
          );
        }}
      </Asked>
    </aside>
  );
}

function Job({ run, host, job, open }: { run: string; host: string; job: RunJob; open: boolean }) {
  const [shown, setShown] = useState(open);
  const { name, state, attempt, attempts, message, startedAt, endedAt } = job;
  return (
    <section className="tm-job" aria-label={name}>
      <h3>
        <Status of={state} text={`${name}: ${state}`} />
      </h3>
      <p className="tm-small">
        attempt {attempt}
        {attempts ? ` of ${attempts}` : ''} · from <Moment at={startedAt} /> to <Moment at={endedAt} />
      </p>
      {message ? <p>{message}</p> : null}
      {shown ? <Output {...{ run, host, job }} /> : null}
      {shown || attempt === 0 ? null : (
        <Button variant="link" isInline onClick={() => setShown(true)}>
          Show output
        </Button>
      )}
    </section>
  );
}

function Output({ run, host, job }: { run: string; host: string; job: RunJob }) {
  const { position, direction, state } = job;
  const moving = MOVING.includes(state);
  const query = useAsk(
    'getJob',
    '/jobs/:run/:host/:position',
    { params: { run, host, position }, query: { direction } },
    [`run:${run}`],
    moving ? { everyMs: TAIL_MS } : {},
  );
  return (
    <Asked query={query} what="its output">
      {({ head, tail, size }) => {
        const left = (size ?? 0) - bytesOf(head) - bytesOf(tail);
        if (size === null || size === 0)
          return <p className="tm-small">{moving ? 'No output so far.' : 'It wrote nothing.'}</p>;
        return (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          <pre className="tm-output" tabIndex={0} role="log" aria-label={`Output of ${job.name}`}>
            {plainBytes(head)}
            {left > 0 ? `\n… ${left} bytes are not kept …\n` : ''}
            {plainBytes(tail)}
          </pre>
        );
      }}
    </Asked>
  );
}

/** Of what base64 stands for. */
const bytesOf = (base64: string): number => (base64.length / 4) * 3 - (base64.match(/=*$/)?.[0].length ?? 0);

const DECISIONS = [
  ['retry', 'Retry from here'],
  ['skip', 'Skip'],
  ['done', 'Was done by hand'],
  ['undo', 'Take the host back'],
] as const;
const STUCK = ['failed', 'unknown', 'missed'];

/** Decisions beyond the order are signed with an approver's key, which no browser has: the console writes the command. */
function Decisions({ run, hosts, jobs }: { run: string; hosts: readonly string[]; jobs: readonly RunJob[] }) {
  const [decision, setDecision] = useState<(typeof DECISIONS)[number][0] | null>(null);
  const [reason, setReason] = useState('');
  const job = jobs.find(({ state }) => STUCK.includes(state)) ?? jobs[0];
  if (!job) return null;
  const about = decision === 'undo' ? '' : ` ${quoted(job.job)}`;
  const commands = hosts.map(
    host => `tidemark run ${decision} ${run} ${host}${about} --reason ${quoted(reason.trim())} --key approver.key`,
  );
  return (
    <section className="tm-decisions" aria-label="Decisions">
      <h3>Decide</h3>
      <div className="tm-buttons">
        {DECISIONS.map(([name, label]) => (
          <Button
            key={name}
            size="sm"
            variant={decision === name ? 'primary' : 'secondary'}
            onClick={() => setDecision(name)}
          >
            {label}
          </Button>
        ))}
      </div>
      {decision === null ? null : (
        <>
          <label htmlFor="tm-decision-reason">Why? It is signed with the decision.</label>
          <TextInput id="tm-decision-reason" value={reason} onChange={(_, value) => setReason(value)} />
          {reason.trim() === '' ? (
            <p className="tm-small">With a reason, the command for {job.name} is here.</p>
          ) : (
            <>
              <p className="tm-small">
                The hosts believe an approver's signature only, and its key stays with the approver: run this there.
              </p>
              <Command text={commands.join('\n')} label={`${decision} as a command`} />
            </>
          )}
        </>
      )}
    </section>
  );
}
