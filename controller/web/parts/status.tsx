/** How something stands. Each has a word, a glyph and a colour: whoever sees no colour, or no glyph, has the others. */
export type Tone = 'good' | 'bad' | 'warning' | 'working' | 'quiet' | 'back';

/** Drawn by ourselves: which glyphs a font has is not known. 16 x 16. */
const GLYPHS: Readonly<Record<string, string>> = {
  good: 'M3 8.5 6.5 12 13 4.5',
  bad: 'M4 4 12 12M12 4 4 12',
  warning: 'M8 2.5 14 13.5H2ZM8 6.5V9.5M8 11.2V11.8',
  working: 'M5 3 12.5 8 5 13Z',
  hold: 'M5.5 3.5V12.5M10.5 3.5V12.5',
  quiet: 'M4 8H12',
  wait: 'M8 3.5A4.5 4.5 0 1 0 8.01 3.5M8 5.5V8H10',
  back: 'M13 12.5C13 8 10 6.5 4 6.5M7 3.5 4 6.5 7 9.5',
  unknown: 'M5.5 6A2.5 2.5 0 1 1 8.6 8.4Q8 8.7 8 9.8M8 12V12.4',
  skip: 'M3.5 4 8 8 3.5 12M8.5 4 13 8 8.5 12',
};

export function Glyph({ of }: { of: keyof typeof GLYPHS }) {
  return (
    <svg className="tm-glyph" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={GLYPHS[of]} />
    </svg>
  );
}

const STATES: Readonly<Record<string, readonly [tone: Tone, glyph: string, word?: string]>> = {
  succeeded: ['good', 'good'],
  connected: ['good', 'good'],
  resolved: ['good', 'good'],
  approved: ['good', 'good'],
  met: ['good', 'good'],
  identical: ['good', 'good'],
  intact: ['good', 'good'],
  deployed: ['good', 'good'],
  enrolled: ['good', 'good'],
  failed: ['bad', 'bad'],
  refused: ['bad', 'bad'],
  missed: ['bad', 'bad'],
  undone: ['back', 'back'],
  open: ['bad', 'warning'],
  differs: ['bad', 'bad'],
  broken: ['bad', 'bad'],
  withdrawn: ['bad', 'bad'],
  banned: ['bad', 'bad'],
  held: ['warning', 'hold'],
  paused: ['warning', 'hold'],
  silent: ['warning', 'warning'],
  unmet: ['warning', 'wait'],
  evicted: ['warning', 'warning'],
  unknown: ['warning', 'unknown'],
  'does not fit': ['bad', 'warning'],
  fits: ['good', 'good'],
  'needs approval': ['warning', 'wait'],
  undoing: ['back', 'back'],
  stopping: ['warning', 'working'],
  running: ['working', 'working'],
  soaking: ['working', 'wait'],
  holding: ['quiet', 'hold', 'at hold point'],
  released: ['working', 'wait'],
  waiting: ['quiet', 'wait'],
  pending: ['quiet', 'wait'],
  stopped: ['warning', 'hold'],
  skipped: ['quiet', 'skip'],
  cancelled: ['quiet', 'quiet'],
  ended: ['good', 'good'],
  'not-enrolled': ['quiet', 'quiet', 'not enrolled'],
};

/** A state as glyph, word and colour. */
export function Status({ of, text }: { of: string; text?: string }) {
  const [tone, glyph, word] = STATES[of] ?? ['quiet', 'quiet'];
  return (
    <span className={`tm-status tm-${tone}`}>
      <Glyph of={glyph} /> {text ?? word ?? of}
    </span>
  );
}
