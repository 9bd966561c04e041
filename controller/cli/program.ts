import { Command } from 'commander';
import type { AddCommand, Cli } from './cli.ts';
import { addAdvisories } from './commands/advisories.ts';
import { addApply } from './commands/apply.ts';
import { addApprove } from './commands/approve.ts';
import { addAudit } from './commands/audit.ts';
import { addBaseline } from './commands/baseline.ts';
import { addBundle } from './commands/bundle.ts';
import { addContext } from './commands/context.ts';
import { addController } from './commands/controller.ts';
import { addDescribe } from './commands/describe.ts';
import { addDrift } from './commands/drift.ts';
import { addDryRun } from './commands/dry-run.ts';
import { addEnrol } from './commands/enrol.ts';
import { addExplain } from './commands/explain.ts';
import { addGet } from './commands/get.ts';
import { addGroup } from './commands/group.ts';
import { addHealth } from './commands/health.ts';
import { addIdentify } from './commands/identify.ts';
import { addIncident } from './commands/incident.ts';
import { addKey } from './commands/key.ts';
import { addLandscape } from './commands/landscape.ts';
import { addLogin } from './commands/login.ts';
import { addOwner } from './commands/owner.ts';
import { addPlan } from './commands/plan.ts';
import { addPolicy } from './commands/policy.ts';
import { addProfile } from './commands/profile.ts';
import { addQuery } from './commands/query.ts';
import { addRing } from './commands/ring.ts';
import { addRisk } from './commands/risk.ts';
import { addRun } from './commands/run.ts';
import { addScan } from './commands/scan.ts';
import { addSchedule } from './commands/schedule.ts';
import { addSecretKey } from './commands/secret-key.ts';
import { addSignatures } from './commands/signatures.ts';
import { addToken } from './commands/token.ts';
import { addTrust } from './commands/trust.ts';
import { addWaiver } from './commands/waiver.ts';

/** In the order in which somebody who starts from nothing needs them: the help shows it so. */
const COMMANDS: readonly AddCommand[] = [
  addController,
  addLogin,
  addContext,
  addHealth,
  addKey,
  addTrust,
  addEnrol,
  addLandscape,
  addSignatures,
  addBundle,
  addRing,
  addPolicy,
  addPlan,
  addExplain,
  addDryRun,
  addApprove,
  addApply,
  addRun,
  addGet,
  addDescribe,
  addQuery,
  addGroup,
  addAdvisories,
  addRisk,
  addScan,
  addProfile,
  addSecretKey,
  addIdentify,
  addOwner,
  addDrift,
  addBaseline,
  addWaiver,
  addSchedule,
  addIncident,
  addAudit,
  addToken,
];

const EXIT_CODES = `
Exit status: 0 ok, 1 error, 2 wrong usage, 3 differences found, 4 the run failed, 5 waiting for an approval or a person,
6 denied, 7 timed out.`;

/** The whole command line. Nothing happens before it is parsed. */
export function buildProgram(cli: Cli): Command {
  const program = new Command('tidemark')
    .description('Patches fleets of servers in waves and proves what is on them.')
    .showSuggestionAfterError()
    .showHelpAfterError('Add --help to see how it is used.')
    .addHelpText('after', EXIT_CODES);
  // Subcommands take these over when they are made.
  program.exitOverride().configureOutput({
    writeOut: text => cli.io.out(text),
    writeErr: text => cli.io.err(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'tidemark: ')),
    getOutHelpWidth: () => cli.io.columns() ?? 100,
    getErrHelpWidth: () => cli.io.columns() ?? 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const add of COMMANDS) add(program, cli);
  return program;
}
