import { Alert, Button, EmptyState, EmptyStateBody, Spinner, Title } from '@patternfly/react-core';
import { type ReactNode, useId, useState } from 'react';
import type { AskError } from '../api/ask.ts';
import { usePreferences } from './preferences.ts';
import { duration, moment } from './time.ts';

/** A moment, in UTC or the time of this place as somebody chose; hovering says how long ago. */
export function Moment({ at }: { at: string | null }) {
  const { utc } = usePreferences();
  if (at === null) return <>–</>;
  return (
    <time dateTime={at} title={`${duration(Date.now() - Date.parse(at))} ago`} className="tm-moment">
      {moment(at, utc)}
    </time>
  );
}

/** What the same would be on a command line, to take along. */
export function Command({ text, label = 'As a command' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <div className="tm-command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre tabIndex={0} title={label}>
        {text}
      </pre>
      <Button variant="secondary" size="sm" onClick={copy} aria-label={`Copy: ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </Button>
    </div>
  );
}

/** A text for a shell, as one word. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** What went wrong, in the controller's own words. */
export function Failure({ error, what }: { error: AskError | null | undefined; what: string }) {
  if (!error) return null;
  return (
    <Alert isInline variant="danger" title={what} component="p">
      {error.message}
    </Alert>
  );
}

interface Question<T> {
  data: T | undefined;
  error: AskError | null;
  isPending: boolean;
}

/** Shows what was asked for: while it is waited for, where it failed, and where it is there. */
export function Asked<T>({
  query,
  what,
  children,
}: {
  query: Question<T>;
  what: string;
  children: (data: T) => ReactNode;
}) {
  if (query.data === undefined && query.error)
    return <Failure error={query.error} what={`${what} could not be read`} />;
  if (query.data === undefined)
    return (
      <p className="tm-loading">
        <Spinner size="md" aria-label={`Reading ${what}`} /> Reading {what} …
      </p>
    );
  return (
    <>
      {query.error ? <Failure error={query.error} what={`${what} could not be read again; this is older`} /> : null}
      {children(query.data)}
    </>
  );
}

/** Where there is nothing: why, and the command that makes something. */
export function Nothing({ title, command, children }: { title: string; command?: string; children?: ReactNode }) {
  return (
    <EmptyState titleText={title} headingLevel="h2" variant="sm">
      <EmptyStateBody>
        {children}
        {command ? <Command text={command} /> : null}
      </EmptyStateBody>
    </EmptyState>
  );
}

export function Screen({ title, children, side }: { title: string; children: ReactNode; side?: ReactNode }) {
  return (
    <div className="tm-screen">
      <header className="tm-screen-head">
        <Title headingLevel="h1" size="xl">
          {title}
        </Title>
        <div className="tm-screen-side">{side}</div>
      </header>
      {children}
    </div>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="tm-section" aria-labelledby={id}>
      <Title headingLevel="h2" size="md" id={id}>
        {title}
      </Title>
      {children}
    </section>
  );
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  keyOf: (row: T) => string;
  columns: readonly { name: string; cell: (row: T) => ReactNode }[];
}

/** For some hundred rows; the matrix has a way of its own. */
export function Table<T>({ label, rows, keyOf, columns }: TableProps<T>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className="tm-table-frame" tabIndex={0} aria-label={`Table: ${label}`}>
      <table className="tm-table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={keyOf(row)} data-row={keyOf(row)}>
              {columns.map(({ name, cell }) => (
                <td key={name}>{cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
