import { describe } from 'vitest';
import { attributesSuite, canSetAttributes } from '../support/attributes-suite.ts';

// The lab installs the tools and does the same (test/lab/scan-tools.lab.ts).
describe.skipIf(!canSetAttributes())('attributes that are really set, as root', attributesSuite);
