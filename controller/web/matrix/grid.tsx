// biome-ignore-all lint/a11y/useSemanticElements: a <table> draws all of its rows
import { useVirtualizer } from '@tanstack/react-virtual';
import type { RunMatrix } from '@tidemark/controller/api/contract/run-matrix.ts';
import { type KeyboardEvent, memo, useCallback, useRef } from 'react';
import { Glyph, Status } from '../parts/status.tsx';
import { CELLS, type Row } from './rows.ts';

/** Pixels, as in the style sheet: rows of one height are what makes 10,000 of them quick. */
const ROW_HEIGHT = 32;
const AHEAD = 12;

interface Props {
  steps: RunMatrix['steps'];
  rows: readonly Row[];
  selected: { host: string; step: string | null } | null;
  onSelect: (host: string, step: string | null) => void;
}

/** Hosts x steps. Only what is in sight is drawn. Arrows and j/k go through it, Enter opens. */
export function Grid({ steps, rows, selected, onSelect }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index => rows[index]?.key ?? index,
    overscan: AHEAD,
  });

  const move = useCallback(
    (event: KeyboardEvent) => {
      const [down, right] = MOVES[event.key] ?? [0, 0];
      if ((down === 0 && right === 0) || event.ctrlKey || event.metaKey || event.altKey) return;
      const from = (event.target as HTMLElement)
        .closest<HTMLElement>('[data-at]')
        ?.dataset['at']?.split(' ')
        .map(Number);
      if (!from) return;
      event.preventDefault();
      const [row = 0, column = 0] = from;
      const next = nextRow(rows, row, down);
      const at = Math.min(Math.max(column + right, 0), steps.length);
      virtual.scrollToIndex(next);
      focusSoon(frame.current, `${next} ${at}`);
    },
    [rows, steps.length, virtual],
  );

  return (
    <div
      className="tm-matrix"
      role="grid"
      aria-label="Hosts and steps"
      aria-rowcount={rows.length + 1}
      aria-colcount={steps.length + 3}
      ref={frame}
      onKeyDown={move}
      tabIndex={-1}
    >
      <Head steps={steps} />
      <div className="tm-matrix-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start }) => {
          const row = rows[index];
          if (!row) return null;
          const isSelected = row.kind === 'hosts' && row.hosts.some(({ host }) => host === selected?.host);
          return (
            <Line
              key={key}
              {...{ row, index, steps, start, onSelect }}
              step={isSelected ? (selected?.step ?? '') : null}
              first={index === nextRow(rows, 0, 0)}
            />
          );
        })}
      </div>
    </div>
  );
}

const MOVES: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ...{ ArrowDown: [1, 0], j: [1, 0], ArrowUp: [-1, 0], k: [-1, 0], PageDown: [20, 0], PageUp: [-20, 0] },
  ...{ ArrowLeft: [0, -1], ArrowRight: [0, 1] },
};

/** Heads of groups are passed over. */
function nextRow(rows: readonly Row[], from: number, by: number): number {
  const last = rows.length - 1;
  let at = Math.min(Math.max(from + by, 0), last);
  const way = by < 0 ? -1 : 1;
  while (rows[at]?.kind === 'group' && at + way >= 0 && at + way <= last) at += way;
  return rows[at]?.kind === 'hosts' ? at : from;
}

function focusSoon(frame: HTMLElement | null, at: string, tries = 5): void {
  requestAnimationFrame(() => {
    const found = frame?.querySelector<HTMLElement>(`[data-at="${at}"]`);
    if (found) found.focus();
    else if (tries > 0) focusSoon(frame, at, tries - 1);
  });
}

const Head = memo(({ steps }: { steps: readonly string[] }) => (
  <div className="tm-matrix-head" role="rowgroup">
    <div role="row" className="tm-matrix-row" aria-rowindex={1} tabIndex={-1}>
      <div role="columnheader" className="tm-host" tabIndex={-1}>
        Host
      </div>
      {steps.map(step => (
        <div role="columnheader" className="tm-step" key={step} title={step} tabIndex={-1}>
          <span>{step}</span>
        </div>
      ))}
      <div role="columnheader" className="tm-state" tabIndex={-1}>
        State
      </div>
      <div role="columnheader" className="tm-reason" tabIndex={-1}>
        Why
      </div>
    </div>
  </div>
));

interface LineProps extends Pick<Props, 'steps' | 'onSelect'> {
  row: Row;
  index: number;
  start: number;
  /** The step that is selected on it; empty where the host is, null where neither is. */
  step: string | null;
  /** By Tab the first row is reached, and all others from there. */
  first: boolean;
}

const Line = memo(({ row, index, start, steps, step, first, onSelect }: LineProps) => {
  const place = { transform: `translateY(${start}px)` };
  if (row.kind === 'group')
    return (
      <div role="row" className="tm-matrix-row tm-group" style={place} aria-rowindex={index + 2} tabIndex={-1}>
        <div role="gridcell" className="tm-group-title" tabIndex={-1}>
          {row.title}{' '}
          <span className="tm-count">
            {row.done} of {row.hosts} done
          </span>
        </div>
      </div>
    );
  const { like, hosts } = row;
  const name = hosts.length === 1 ? like.host : `${hosts.length} hosts identical`;
  return (
    <div
      role="row"
      className={step === null ? 'tm-matrix-row' : 'tm-matrix-row tm-selected'}
      style={place}
      aria-rowindex={index + 2}
      aria-selected={step !== null}
      data-host={like.host}
      tabIndex={-1}
    >
      <div role="gridcell" className="tm-host" tabIndex={-1}>
        <button
          type="button"
          data-at={`${index} 0`}
          tabIndex={first || step === '' ? 0 : -1}
          onClick={() => onSelect(like.host, null)}
          title={
            hosts.length === 1
              ? like.host
              : hosts
                  .slice(0, 30)
                  .map(({ host }) => host)
                  .join(', ')
          }
        >
          {name}
        </button>
        {hosts.length > 1 ? <span className="tm-first">{like.host} …</span> : null}
      </div>
      {steps.map((one, at) => {
        const { word, tone, glyph } = CELLS[like.cells[at] ?? '.'] ?? {
          word: 'unknown',
          tone: 'warning',
          glyph: 'unknown',
        };
        return (
          <div role="gridcell" key={one} className="tm-cell-frame" tabIndex={-1}>
            <button
              type="button"
              className={`tm-cell tm-cell-${tone}`}
              data-at={`${index} ${at + 1}`}
              data-step={one}
              aria-label={`${one} on ${name}: ${word}`}
              aria-pressed={step === one}
              tabIndex={-1}
              onClick={() => onSelect(like.host, one)}
            >
              {glyph === '' ? null : <Glyph of={glyph} />}
            </button>
          </div>
        );
      })}
      <div role="gridcell" className="tm-state" tabIndex={-1}>
        <Status of={like.state} />
      </div>
      <div role="gridcell" className="tm-reason" title={like.reason} tabIndex={-1}>
        {like.connected ? '' : 'not connected. '}
        {like.reason}
      </div>
    </div>
  );
});
