import type { AddCommand } from '../cli.ts';
import { talks } from '../options.ts';
import { withClient } from '../session.ts';

/** `policy schema`: what editors complete and check policy files by. */
export const addPolicy: AddCommand = (program, { io }) => {
  const policy = program.command('policy').description('policy files');
  talks(policy.command('schema').description('print the JSON Schema of policy files, for editors')).action(
    async options => {
      const schema = await withClient(io, options, client => client.getPolicySchema());
      io.out(`${JSON.stringify(schema, null, 2)}\n`);
    },
  );
};
