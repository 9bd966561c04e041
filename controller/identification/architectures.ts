/** What packages for every architecture say. */
export const NEUTRAL_ARCHITECTURES: ReadonlySet<string> = new Set(['all', 'noarch', 'any', '']);

/** What Debian and rpm call the architecture that Node calls so. */
export function nativeNames(node: string): readonly string[] {
  switch (node) {
    case 'x64':
      return ['amd64', 'x86_64'];
    case 'arm64':
      return ['arm64', 'aarch64'];
    case 'arm':
      return ['armhf', 'armel', 'armv7hl'];
    case 'ia32':
      return ['i386', 'i686', 'i586'];
    case 'ppc64':
      return ['ppc64el', 'ppc64le'];
    case 'riscv64':
      return ['riscv64'];
    case 's390x':
      return ['s390x'];
    default:
      return [node];
  }
}
