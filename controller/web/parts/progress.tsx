import type { RunMatrix } from '@tidemark/controller/api/contract/run-matrix.ts';
import { marginOf } from './margin.ts';
import { Moment } from './parts.tsx';
import { Status } from './status.tsx';
import { duration } from './time.ts';

/** How much of a run is done, when it will be, and whether that is in time. */
export function Progress({ matrix }: { matrix: RunMatrix }) {
  const { hosts, window, expectedEndAt, endedAt } = matrix;
  const done = hosts.filter(({ state }) => state === 'succeeded').length;
  const margin = marginOf(matrix);
  return (
    <div className="tm-progress">
      <progress aria-label={`${done} of ${hosts.length} hosts done`} value={done} max={hosts.length} />
      <span>
        <strong>
          {done} of {hosts.length}
        </strong>{' '}
        hosts done
      </span>
      {endedAt !== null ? (
        <span>
          ended <Moment at={endedAt} />
        </span>
      ) : (
        <>
          <span>
            expected end {expectedEndAt === null ? 'not known: nothing is at work' : <Moment at={expectedEndAt} />}
          </span>
          <span>
            window closes <Moment at={window.end} />
          </span>
          {margin === null ? null : (
            <Status
              of={margin >= 0 ? 'fits' : 'does not fit'}
              text={margin >= 0 ? `${duration(margin)} to spare` : `${duration(-margin)} too late`}
            />
          )}
        </>
      )}
    </div>
  );
}
