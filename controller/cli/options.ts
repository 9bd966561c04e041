import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS, type Format } from './output/format.ts';
import { parseDuration } from './output/time.ts';
import type { ConnectionOptions } from './session.ts';

export interface OutputOptions {
  output: Format;
}

/** Options of every command that talks to a controller. */
export const talks = (command: Command): Command =>
  command
    .addOption(new Option('--context <name>', 'controller to talk to, by its name in "tidemark context list"'))
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for an answer, like 30s or 2m').argParser(durationOption),
    );

/** Options of every command that prints things. */
export const prints = (command: Command): Command =>
  command.addOption(new Option('-o, --output <format>', 'how to print').choices([...FORMATS]).default('table'));

export type TalkingOptions = ConnectionOptions;
export type PrintingOptions = ConnectionOptions & OutputOptions;

export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms === 0) throw new InvalidArgumentError('Give a duration like 90s, 10m, 2h or 1h30m.');
  return ms;
}

/** ISO 8601 with a zone, or `now`, or `+2h` from now. */
export function momentOption(nowMs: () => number): (text: string) => number {
  return text => {
    if (text === 'now') return nowMs();
    const ahead = text.startsWith('+') ? parseDuration(text.slice(1)) : null;
    if (ahead !== null) return nowMs() + ahead;
    const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)
      ? Date.parse(text)
      : Number.NaN;
    if (Number.isNaN(ms))
      throw new InvalidArgumentError('Give a time with its zone, like 2026-03-21T22:00:00+01:00, or +2h, or now.');
    return ms;
  };
}

export function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('Give a whole number.');
  return count;
}
