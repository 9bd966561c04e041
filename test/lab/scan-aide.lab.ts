import { beforeAll, describe } from 'vitest';
import { aideOracle } from '../support/aide-oracle.ts';
import { installTools } from './tools.ts';

/* On this machine: a scan needs no host of its own, and AIDE no more than its package. */

beforeAll(() => installTools(['aide']));

describe('a scan and AIDE', () =>
  aideOracle([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]));
