import type { Io } from '../io.ts';

export type Tone = 'good' | 'bad' | 'warning' | 'quiet' | 'strong';
export type Paint = (tone: Tone, text: string) => string;

const CODES: Readonly<Record<Tone, string>> = { good: '32', bad: '31', warning: '33', quiet: '2', strong: '1' };

export const noPaint: Paint = (_, text) => text;
const ansiPaint: Paint = (tone, text) => `\u001b[${CODES[tone]}m${text}\u001b[0m`;

/** Colours only for a terminal, and only where nobody asked for none (no-color.org). Words say the same without them. */
export const paintFor = (io: Pick<Io, 'env' | 'outIsTerminal'>): Paint =>
  io.outIsTerminal && !io.env.NO_COLOR && io.env.TERM !== 'dumb' ? ansiPaint : noPaint;
