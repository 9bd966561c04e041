import { CliError, Exit } from './exit.ts';

/** Asks before something is signed, where there is somebody to ask; throws where the answer is no. */
export async function confirmed(ask: ((question: string) => Promise<string>) | null, question: string): Promise<void> {
  if (!ask) return;
  const answer = (await ask(`${question} Type yes: `)).trim().toLowerCase();
  if (answer !== 'yes' && answer !== 'y') throw new CliError(Exit.error, 'nothing was signed');
}
