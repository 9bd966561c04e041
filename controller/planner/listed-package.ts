import { BundlePackage, parseBundlePackage } from '@tidemark/shared/orders/kinds/package.ts';
import { z } from 'zod';

/** `[family/]name[:arch]=version[@sha256]`, as in a bundle. */
export const ListedPackage = z.string().transform((text, context): BundlePackage => {
  const parsed = parseBundlePackage(text);
  const checked = parsed.ok ? BundlePackage.safeParse(parsed.value) : null;
  if (checked?.success) return checked.data;
  const message = parsed.ok ? checked?.error.issues[0]?.message : parsed.error;
  context.addIssue({ code: 'custom', message: message ?? 'must be a package' });
  return z.NEVER;
});
