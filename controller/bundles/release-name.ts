import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/** Names that may stand in paths, job names and digests alike. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** `orders-web-1.4.1.tar.gz`: the version begins at the last hyphen that a digit follows. */
const FILE = /^(?<product>[A-Za-z0-9][A-Za-z0-9._-]*?)-(?<version>v?\d[A-Za-z0-9._+~-]*)\.(tar\.gz|tgz)$/;

/** Which product and version an archive holds: what was said, else what its file name says. */
export function releaseOf(
  fileName: string,
  said: { product?: string | undefined; version?: string | undefined },
): Result<{ product: string; version: string }, string> {
  const named = FILE.exec(fileName)?.groups;
  const product = said.product ?? named?.['product'];
  const version = said.version ?? named?.['version'];
  if (product === undefined || version === undefined) {
    return err(
      `"${fileName}" does not say which release it is: name the file <product>-<version>.tar.gz, or give --product and --release-version`,
    );
  }
  for (const [what, name] of [
    ['product', product],
    ['version', version],
  ] as const) {
    if (!NAME.test(name)) return err(`the ${what} "${name}" must be letters, digits, ".", "_" or "-", 128 at most`);
  }
  return ok({ product, version });
}
