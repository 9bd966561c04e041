import { beforeAll, describe } from 'vitest';
import { aideOracle } from '../support/aide-oracle.ts';
import { attributesSuite } from '../support/attributes-suite.ts';
import { installTools } from './tools.ts';

/* On this machine: a scan needs no host of its own, and AIDE no more than its package. */

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

beforeAll(() => installTools(['aide', 'attr', 'acl', 'libcap2-bin']));

describe('a scan and AIDE', () => aideOracle(SEEDS));
describe('attributes that are really set', attributesSuite);
