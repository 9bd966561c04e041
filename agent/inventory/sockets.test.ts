import { describe, expect, it } from 'vitest';
import { outgoingIn, parseSockets } from './sockets.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 11 1 0 100 0 0 10 0
   1: 0700000A:C350 0800000A:1538 01 00000000:00000000 02:00000000 00000000   101        0 12 1 0 100 0 0 10 0
   2: 0700000A:0016 0900000A:D431 01 00000000:00000000 02:00000000 00000000     0        0 13 1 0 100 0 0 10 0
   3: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0
   4: 0100007F:D431 0100007F:1538 01 00000000:00000000 00:00000000 00000000   101        0 15 1 0 100 0 0 10 0
`;
const TCP6 = `  sl  local_address remote_address st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 21
   1: B80D0120000000000000000001000000:C351 B80D0120000000000000000002000000:01BB 01 0:0 0:0 0 0 0 22
   2: 0000000000000000FFFF00000700000A:C352 0000000000000000FFFF00000B00000A:0050 01 0:0 0:0 0 0 0 23
`;

describe('sockets', () => {
  it('are read with their addresses, ports and states', () => {
    const [first, second] = parseSockets('tcp', TCP);
    expect(first).toEqual({
      protocol: 'tcp',
      local: { address: '127.0.0.1', port: 5432 },
      remote: { address: '0.0.0.0', port: 0 },
      state: 'listening',
      inode: '11',
    });
    expect(second).toMatchObject({ local: { address: '10.0.0.7', port: 50_000 }, state: 'connected' });
    expect(parseSockets('tcp', TCP6).map(({ local }) => local.address)).toEqual(['::', '2001:db8::1', '10.0.0.7']);
  });

  it('of connections that were made from here say whom it talks to, and those that came in do not', () => {
    const outgoing = outgoingIn([...parseSockets('tcp', TCP), ...parseSockets('tcp', TCP6)]);
    expect(outgoing.map(({ remote }) => `${remote.address} ${remote.port}`)).toEqual([
      '10.0.0.8 5432',
      '2001:db8::2 443',
      '10.0.0.11 80',
    ]);
  });

  it('of a table that is cut off, or of another kernel, are left out', () => {
    expect(parseSockets('tcp', 'sl\n 0: 0100007F:1538\nrubbish')).toEqual([]);
  });
});
