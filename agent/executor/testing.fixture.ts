import type { Job, Order } from '@tidemark/shared/orders/order.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';

/* Orders for the tests of this folder. */

export const HOST_ID = '3f2b8c1e-7d4a-4e6f-9b0c-1a2d3e4f5a6b';
export const FLEET = 'test';

export const command = (program: string): Call => ({
  kind: 'command/run',
  args: { command: [program], expectStatus: [0] },
});

export const jobOf = (id: string, call: Call, part: Partial<Job> = {}): Job => ({
  id,
  step: 'step',
  name: `do ${id}`,
  component: null,
  reason: 'a test',
  call,
  undo: null,
  timeoutMs: 1_000,
  expectedMs: 10,
  retries: { max: 0, backoffMs: 0 },
  onFailure: 'hold',
  notBefore: 0,
  notAfter: 1_000,
  ...part,
});

export const orderOf = (jobs: Job[], part: Partial<Order> = {}): Order => ({
  format: 'tidemark/order/v1',
  fleet: FLEET,
  host: { id: HOST_ID, name: 'web01' },
  plan: { name: 'night', compiledAt: 0 },
  jobs,
  ...part,
});
