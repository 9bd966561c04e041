// Packs the agent with the Node that runs it into one archive for a real server: dist/tidemark-agent-<platform>.tar.gz.
// Needs nothing on the server but glibc.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
if (!existsSync(join(dist, 'tidemark-agent.mjs'))) {
  console.error('dist/tidemark-agent.mjs is missing. Build first: npm run build');
  process.exit(1);
}

const archive = join(dist, `tidemark-agent-${process.platform}-${process.arch}.tar.gz`);
const stage = mkdtempSync(join(dist, '.agent-'));
try {
  const home = join(stage, 'tidemark-agent');
  const files = {
    'bin/node': realpathSync(process.execPath),
    'bin/tidemark-agent': join(root, 'installers/agent/tidemark-agent.sh'),
    'lib/tidemark-agent.mjs': join(dist, 'tidemark-agent.mjs'),
    'lib/tidemark-agent': join(dist, 'tidemark-agent'),
    'etc/agent.yaml': join(root, 'installers/agent/agent.yaml'),
    'etc/policy.yaml': join(root, 'installers/agent/policy.yaml'),
    'systemd/tidemark-agent.service': join(root, 'installers/agent/tidemark-agent.service'),
    'README.md': join(root, 'docs/how-to/real-server.md'),
  };
  for (const [name, source] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    // The maps of what was bundled are for who develops it.
    cpSync(source, join(home, name), { recursive: true, filter: each => !each.endsWith('.map') });
  }
  execFileSync('chmod', ['-R', 'u+rwX,go=rX', home]);
  execFileSync('chmod', ['755', join(home, 'bin/node'), join(home, 'bin/tidemark-agent')]);
  // Sorted, with fixed owners and times: the same input gives the same archive.
  const stable = ['--sort=name', '--owner=root:0', '--group=root:0', '--numeric-owner', '--mtime=@0'];
  execFileSync('tar', [...stable, '-C', stage, '-czf', archive, 'tidemark-agent'], { stdio: 'inherit' });
  console.log(archive);
} finally {
  rmSync(stage, { recursive: true, force: true });
}
