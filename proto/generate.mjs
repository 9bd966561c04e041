// Generates shared/protocol/gen from the .proto files, or (--check) says whether what is committed is what they give.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const proto = dirname(fileURLToPath(import.meta.url));
const root = dirname(proto);
const target = join(root, 'shared/protocol/gen');
const check = process.argv.includes('--check');
const out = check ? mkdtempSync(join(tmpdir(), 'tidemark-proto-')) : target;

const options = [
  'esModuleInterop=true',
  'importSuffix=.ts',
  'outputServices=grpc-js',
  'oneof=unions-value',
  'useOptionals=none',
  'forceLong=number',
  'env=node',
  'useDate=false',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'enumsAsLiterals=true',
  'unrecognizedEnum=false',
];
const template = {
  version: 'v2',
  plugins: [{ local: join(root, 'node_modules/.bin/protoc-gen-ts_proto'), out, strategy: 'all', opt: options }],
};

if (!check) rmSync(target, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/buf'), ['generate', '--template', JSON.stringify(template)], {
  cwd: proto,
  stdio: 'inherit',
});

if (check) {
  const files = directory =>
    existsSync(directory)
      ? readdirSync(directory, { recursive: true })
          .filter(name => name.endsWith('.ts'))
          .sort()
      : [];
  const fresh = files(out);
  const stale =
    fresh.join() !== files(target).join()
      ? ['the list of files']
      : fresh.filter(name => readFileSync(join(out, name), 'utf8') !== readFileSync(join(target, name), 'utf8'));
  rmSync(out, { recursive: true, force: true });
  if (stale.length > 0) {
    console.error(`shared/protocol/gen is not what proto/ generates (${stale.join(', ')}). Run: npm run generate`);
    process.exit(1);
  }
}
