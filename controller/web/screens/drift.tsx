import { Button, Checkbox, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { getRouteApi } from '@tanstack/react-router';
import type { DriftEntry, DriftReport } from '@tidemark/controller/api/contract/fingerprints.ts';
import { type ReactNode, useState } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Nothing, quoted, Screen, Section } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

const route = getRouteApi('/drift');
const SIGNATURES = 'signatures';
const DAY_MS = 86_400_000;

/** How a host differs from what it should be: its products' signatures, a peer, or a baseline. */
export function DriftScreen(): ReactNode {
  const { a, b = SIGNATURES, plane = 'all', patches = true } = route.useSearch();
  const navigate = route.useNavigate();
  const hosts = useAsk('listHosts', '/hosts', {}, ['hosts', 'audit']);
  const baselines = useAsk('listBaselines', '/baselines', {}, ['audit']);
  const bySignatures = useAsk('driftOfHost', '/drift/:name', { params: { name: a ?? '' } }, ['audit'], {
    enabled: a !== undefined && b === SIGNATURES,
  });
  const excluding = patches ? 'nothing' : 'patches';
  const byOther = useAsk('compareHosts', '/drift', { query: { a: b, b: a ?? '', plane, excluding } }, ['audit'], {
    enabled: a !== undefined && b !== SIGNATURES,
  });
  const names = (hosts.data?.hosts ?? []).filter(({ state }) => state === 'enrolled').map(({ name }) => name);
  const choose = (change: { a?: string; b?: string; plane?: typeof plane; patches?: boolean }) =>
    navigate({ search: old => ({ ...old, ...change }) });
  const command =
    b === SIGNATURES
      ? `tidemark drift ${a}`
      : `tidemark drift ${b} ${a} --plane ${plane}${patches ? '' : ' --excluding patches'}`;
  return (
    <Screen title="Drift">
      <search className="tm-filters">
        <label>
          host{' '}
          <FormSelect aria-label="Host" value={a ?? ''} onChange={(_, value) => choose({ a: value })}>
            <FormSelectOption value="" label="choose a host" isDisabled />
            {names.map(name => (
              <FormSelectOption key={name} value={name} label={name} />
            ))}
          </FormSelect>
        </label>
        <label>
          against{' '}
          <FormSelect aria-label="Against" value={b} onChange={(_, value) => choose({ b: value })}>
            <FormSelectOption value={SIGNATURES} label="what its products should be" />
            {names
              .filter(name => name !== a)
              .map(name => (
                <FormSelectOption key={name} value={name} label={`host ${name}`} />
              ))}
            {(baselines.data?.baselines ?? []).map(({ name }) => (
              <FormSelectOption key={name} value={`baseline:${name}`} label={`baseline ${name}`} />
            ))}
          </FormSelect>
        </label>
        {b === SIGNATURES ? null : (
          <>
            <label>
              plane{' '}
              <FormSelect
                aria-label="Plane"
                value={plane}
                onChange={(_, value) => choose({ plane: value as typeof plane })}
              >
                {['all', 'software', 'config'].map(one => (
                  <FormSelectOption key={one} value={one} label={one} />
                ))}
              </FormSelect>
            </label>
            <Checkbox
              id="tm-patches"
              label="also what patches explain"
              isChecked={patches}
              onChange={(_, on) => choose({ patches: on })}
            />
          </>
        )}
      </search>
      {a === undefined ? (
        <Nothing title="Choose a host" command="tidemark scan HOST">
          A host is compared by its newest fingerprint. It has none before its first scan.
        </Nothing>
      ) : (
        <>
          <Asked query={b === SIGNATURES ? bySignatures : byOther} what="the comparison">
            {report => <Report report={report} />}
          </Asked>
          <Command text={command} />
          {(b === SIGNATURES ? bySignatures : byOther).error ? (
            <Command text={`tidemark scan ${a}`} label="Scan it first" />
          ) : null}
        </>
      )}
    </Screen>
  );
}

function Report({ report }: { report: DriftReport }) {
  const { host, against, scannedAt, againstScannedAt, identical, sentence, groups, patches } = report;
  return (
    <>
      <p className="tm-incident-title">
        <Status of={identical ? 'identical' : 'differs'} text={sentence} />
      </p>
      <p className="tm-small">
        {host} as scanned <Moment at={scannedAt} />, against {against}
        {againstScannedAt ? (
          <>
            {' '}
            as scanned <Moment at={againstScannedAt} />
          </>
        ) : null}
        {patches > 0 ? `; ${patches} differences that patches explain are left out` : ''}
      </p>
      {groups.map(group => (
        <Section
          key={`${group.cause} ${group.product}`}
          title={`${group.cause}${group.product ? ` · ${group.product}` : ''}`}
        >
          <p className="tm-small">
            {group.class}, {group.entries.length} {group.entries.length === 1 ? 'path' : 'paths'}
          </p>
          <ul className="tm-list tm-paths">
            {group.entries.map(entry => (
              <Entry key={`${entry.path} ${entry.class}`} host={host} entry={entry} />
            ))}
          </ul>
        </Section>
      ))}
    </>
  );
}

const short = (digest: string | null): string =>
  digest === null ? 'nothing' : digest.replace('sha256:', '').slice(0, 12);

function Entry({ host, entry }: { host: string; entry: DriftEntry }) {
  const may = useMay('operator');
  const [accepting, setAccepting] = useState(false);
  const { path, expected, found, note, waiver } = entry;
  return (
    <li data-row={path}>
      <code>{path}</code>
      <span>
        {short(expected)} → {short(found)} {note}
      </span>
      {waiver ? <Status of="approved" text={`accepted by waiver ${waiver}`} /> : null}
      {may && !waiver ? (
        <Button
          className="tm-open"
          variant="link"
          isInline
          onClick={() => setAccepting(!accepting)}
          aria-label={`Accept ${path}`}
        >
          Accept …
        </Button>
      ) : null}
      {accepting ? <Accept host={host} entry={entry} onDone={() => setAccepting(false)} /> : null}
    </li>
  );
}

/** Answers for a difference until a day. */
function Accept({
  host,
  entry: { path, class: kind },
  onDone,
}: {
  host: string;
  entry: DriftEntry;
  onDone: () => void;
}) {
  const [reason, setReason] = useState('');
  const [until, setUntil] = useState(new Date(Date.now() + 30 * DAY_MS).toISOString().slice(0, 10));
  const add = useDo<'addWaiver'>('POST', '/waivers');
  const confirm = () =>
    add.mutate({ body: { host, class: kind, path, reason, expiresAt: `${until}T00:00:00Z` } }, { onSuccess: onDone });
  return (
    <div className="tm-decisions">
      <label>
        Who answers for it, and why?{' '}
        <TextInput aria-label="Reason" value={reason} onChange={(_, value) => setReason(value)} />
      </label>
      <label>
        until <TextInput type="date" aria-label="Until" value={until} onChange={(_, value) => setUntil(value)} />
      </label>
      <Command
        text={`tidemark waiver add ${quoted(path)} --host ${host} --class ${kind} --reason ${quoted(reason || '…')} --expires ${until}`}
      />
      <Button isDisabled={reason.trim() === ''} isLoading={add.isPending} onClick={confirm}>
        Accept until then
      </Button>
      <Failure error={add.error} what="It was not accepted" />
    </div>
  );
}
