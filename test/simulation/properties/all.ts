import { budgets } from './budgets.ts';
import { lastHealthy, limits, maxParallel, minInService } from './limits.ts';
import { backwards, clusterOrder, once, precedence, tierOrder, waves } from './order.ts';
import type { Property } from './property.ts';
import { batch, comesToItsEnd, incidents, truthful } from './records.ts';
import { approval, ends, fits, moves, window } from './time.ts';

export const PROPERTIES: readonly Property[] = [
  tierOrder,
  precedence,
  clusterOrder,
  lastHealthy,
  maxParallel,
  limits,
  minInService,
  waves,
  budgets,
  once,
  window,
  fits,
  approval,
  backwards,
  incidents,
  batch,
  ends,
  truthful,
  moves,
  comesToItsEnd,
];
