import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandJob, NOW, patchJob, sampleJob, sampleOrder } from '../testing/samples.ts';
import { decodeOrder, encodeOrder, type Order } from './order.ts';

/** An order's JSON with something else at a path: `jobs.0.call.kind`. */
function spoiled(path: string, value: unknown): Uint8Array {
  const json = JSON.parse(encodeOrder(sampleOrder()).toString()) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = json;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return Buffer.from(JSON.stringify(json));
}

describe('an order', () => {
  it('reads back as it was written', () => {
    const order = sampleOrder({ jobs: [sampleJob(), patchJob(), commandJob()] });
    expect(decodeOrder(encodeOrder(order))).toEqual({ ok: true, value: order });
  });

  it('has one text, whatever the order of its members was', () => {
    const order = sampleOrder();
    const reversed = Object.fromEntries(Object.entries(order).reverse()) as Order;
    expect(encodeOrder(reversed).equals(encodeOrder(order))).toBe(true);
  });

  it.each([
    ['another format', 'format', 'tidemark/order/v2'],
    ['an unknown member', 'extra', 1],
    ['an unknown member of a job', 'jobs.0.shell', 'rm -rf /'],
    ['an unknown argument', 'jobs.0.call.args.force', true],
    ['an unknown kind of step', 'jobs.0.call.kind', 'command/powershell'],
    ['arguments of another kind', 'jobs.0.call.kind', 'scan/run'],
    ['no jobs', 'jobs', []],
    ['a host without an id', 'host.id', 'db01'],
    ['a host without a name', 'host.name', ''],
    ['no fleet', 'fleet', undefined],
    ['a time that is no number', 'jobs.0.notAfter', '2026-03-14T20:00:00Z'],
    ['a time before 1970', 'jobs.0.notBefore', -1],
    ['half a millisecond', 'jobs.0.timeoutMs', 0.5],
    ['no time at all', 'jobs.0.timeoutMs', 0],
    ['endless retries', 'jobs.0.retries.max', 101],
    ['an unknown way to fail', 'jobs.0.onFailure', 'ignore'],
    ['a path that is not absolute', 'jobs.0.call.args.needs.0.path', 'opt'],
    ['a path that climbs', 'jobs.0.call.args.needs.0.path', '/opt/../etc'],
    ['a path with a NUL', 'jobs.0.call.args.needs.0.path', '/opt\0/x'],
    ['a digest in capitals', 'jobs.1.call.args.digest', `sha256:${'A'.repeat(64)}`],
    ['a product with a slash', 'jobs.1.call.args.product', 'a/b'],
    ['a product with a dot in front', 'jobs.1.call.args.product', '..'],
    ['a version with a line break', 'jobs.1.call.args.version', '1.4.1\n'],
    ['an undo of an unknown kind', 'jobs.1.undo.kind', 'nothing'],
  ])('with %s is refused, and the error names the place', (_, path, value) => {
    const result = decodeOrder(spoiled(path, value));
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.error).toContain(path.split('.')[0] === 'extra' ? 'order' : path.split('.')[0]);
  });

  it('with a prototype smuggled in is refused or read without it', () => {
    const text = encodeOrder(sampleOrder()).toString().replace('{', '{"__proto__":{"polluted":true},');
    const result = decodeOrder(Buffer.from(text));
    if (result.ok) expect('polluted' in result.value).toBe(false);
    expect('polluted' in {}).toBe(false);
  });

  it('with two jobs of one id is refused', () => {
    const bytes = encodeOrder(sampleOrder({ jobs: [sampleJob(), sampleJob()] }));
    expect(decodeOrder(bytes)).toEqual({ ok: false, error: 'two jobs are called space' });
  });

  it.each([
    ['nothing', Buffer.from('')],
    ['no JSON', Buffer.from('apiVersion: tidemark/v1')],
    ['half of itself', encodeOrder(sampleOrder()).subarray(0, 100)],
    ['bytes that are not UTF-8', Buffer.concat([encodeOrder(sampleOrder()), Buffer.of(0xff)])],
    ['a number', Buffer.from('1')],
    ['null', Buffer.from('null')],
    ['a list', Buffer.from('[]')],
  ])('that is %s is refused', (_, bytes) => {
    expect(decodeOrder(bytes).ok).toBe(false);
  });

  it('is refused or read, and never a crash, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        expect(decodeOrder(Buffer.from(text)).ok).toBe(false);
      }),
    );
  });

  it('keeps every byte of its names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), name => {
        const order = sampleOrder({ host: { id: sampleOrder().host.id, name }, plan: { name, compiledAt: NOW } });
        const decoded = decodeOrder(encodeOrder(order));
        expect(decoded.ok && decoded.value.host.name).toBe(name);
      }),
    );
  });
});
