/* What the demo prints: sections with a time, commands as a user would type them, and what they said. */

const begun = performance.now();

const seconds = (): string => `${((performance.now() - begun) / 1000).toFixed(0).padStart(3)} s`;

const bold = (text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? `\u001b[1m${text}\u001b[0m` : text;

export const print = (text = ''): void => void process.stdout.write(`${text}\n`);

export const section = (title: string): void => print(`\n${bold(`── ${title} `.padEnd(96, '─'))} ${seconds()}`);

export const say = (text: string): void => print(`   ${text}`);

export const showCommand = (line: string): void => print(`   ${bold(`$ ${line}`)}`);

export const showOutput = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) print(`     ${line}`.trimEnd());
};

/** Prints lines as they come, also where a piece ends in the middle of one. */
export function lineWriter(write: (line: string) => void): { push(text: string): void; end(): void } {
  let rest = '';
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) write(line);
    },
    end() {
      if (rest !== '') write(rest);
      rest = '';
    },
  };
}
