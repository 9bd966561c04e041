import type { RunEvent } from '../../api/contract/runs.ts';
import { plain } from '../output/sanitise.ts';
import { timeOfDay } from '../output/time.ts';

/** One event as a line of JSON: the format that reports and tests build on. Members always come in this order. */
export function eventObject(event: RunEvent): Record<string, string | number | null> {
  return {
    at: event.at,
    run: event.run,
    host: event.host,
    job: event.job,
    step: event.step,
    event: event.event,
    attempt: event.attempt,
    ...(event.direction === null ? {} : { direction: event.direction }),
    ...(event.message === '' ? {} : { message: event.message }),
  };
}

/** One event as people read it. */
export function eventLine(event: RunEvent): string {
  const subject = [event.host, event.job].filter(part => part !== null).map(plain);
  const undo = event.direction === 'undo' ? ' (undo)' : '';
  const again = event.attempt !== null && event.attempt > 1 ? `, attempt ${event.attempt}` : '';
  const message = event.message === '' ? '' : `: ${plain(event.message)}`;
  return `${timeOfDay(event.at)} ${[...(subject.length > 0 ? subject : [plain(event.run)])].join(' ')}${undo} ${plain(event.event)}${again}${message}`;
}
