import type { Forecast } from '../../api/contract/plans.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { duration, moment } from '../output/time.ts';

/** Hosts that are named; the rest is counted. */
const NAMED = 10;

/** How the night will probably go, for people: the end first, then what does not fit, then what would help. */
export function forecastLines(forecast: Forecast, paint: Paint = noPaint): string[] {
  const { repetitions, end, marginMs, late, binds } = forecast;
  const fits = marginMs >= 0;
  const margin = fits ? `${duration(marginMs)} before` : `${duration(-marginMs)} after`;
  const more = late.length > NAMED ? [`  and ${late.length - NAMED} more`] : [];
  return [
    paint('strong', `Forecast of ${repetitions} nights in which nothing fails`),
    `ends at ${moment(end.p50)}, nine times of ten by ${moment(end.p90)}`,
    paint(fits ? 'good' : 'warning', `that is ${margin} the window's end without its reserve`),
    ...(late.length > 0 ? ['not begun in some nights, since they would not have fitted:'] : []),
    ...late
      .slice(0, NAMED)
      .map(({ host, share, reason }) => `  ${plain(host)} in ${Math.round(share * 100)} %: ${plain(reason)}`),
    ...more,
    ...binds.map(
      ({ limit, is, raisedTo, end: earlier, earlierMs }) =>
        `${plain(limit)} ${is} binds: ${raisedTo} would end at ${moment(earlier)}, ${duration(earlierMs)} earlier`,
    ),
  ];
}
