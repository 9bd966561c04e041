import { buildProgram } from '@tidemark/controller/cli/program.ts';
import { runCli } from '@tidemark/controller/cli/run-cli.ts';
import { fakeIo } from '@tidemark/controller/cli/testing/fake-io.ts';
import type { Command } from 'commander';
import { expect, it } from 'vitest';

/** Every command with the words that lead to it. */
function commandsOf(command: Command, path: string[] = []): string[][] {
  return [path, ...command.commands.flatMap(child => commandsOf(child, [...path, child.name()]))];
}

it('says of every command what it does, as it was agreed on', async () => {
  let text = '';
  for (const path of commandsOf(buildProgram({ io: fakeIo(), finish: () => {} }))) {
    const io = fakeIo();
    expect(await runCli([...path, '--help'], io)).toBe(0);
    text += `$ ${['tidemark', ...path, '--help'].join(' ')}\n${io.stdout}\n`;
  }
  await expect(text).toMatchFileSnapshot('cli-help.golden.txt');
});
