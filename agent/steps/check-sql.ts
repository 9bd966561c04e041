import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';

const SHOWN_CHARACTERS = 200;

/** Loaded only by the steps that ask a database. */
export const loadProbe = () => import('../platform/postgres-probe.ts');

/** Asks the database on this host one question. */
export const checkSql: Executor<'check/sql'> = async (args, context): Promise<StepReport> => {
  const where = `the database ${args.database}`;
  const value = await ask(args, context).catch((error: Error) => {
    throw new StepFailed(`${where} gives no answer as ${args.user}: ${reasonOf(error)}`, { value: null });
  });
  const { expectValue } = args;
  if (value === undefined) throw new StepFailed(`${where} has no row for ${shown(args.query)}`, { value: null });
  const saw = value === null ? 'null' : shown(value);
  if (expectValue !== null && value !== expectValue)
    throw new StepFailed(`${where} answers ${saw}, and ${shown(expectValue)} is expected`, { value });
  return report(`${where} answers ${saw}`, { value });
};

type Args = Parameters<Executor<'check/sql'>>[0];

async function ask({ at, database, user, systemUser, query, statementMs }: Args, context: StepContext) {
  const { askPostgres } = await loadProbe();
  const place = at.by === 'socket' ? { by: at.by, directory: context.resolve(at.directory) } : { by: at.by };
  return askPostgres({ at: place, port: at.port, database, user, systemUser }, query, statementMs);
}

const shown = (text: string): string =>
  JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);

function reasonOf(error: Error & { code?: string }): string {
  if (error.code === 'ENOENT') return 'there is no such socket; is the server running?';
  if (error.code === 'ECONNREFUSED') return 'nobody listens there';
  if (error.code === '57014') return 'the statement took longer than it may';
  return error.message || (error.code ?? error.name);
}
