import { connect, createServer, type Socket } from 'node:net';

/** A port of 127.0.0.1 that leads to another one, and counts the bytes that go through, both ways. */
/** `seen` hears of every piece, with how many bytes went through until then. */
export async function startCountingProxy(target: number, seen: (bytes: number) => void = () => undefined) {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer(near => {
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', chunk => {
        bytes += chunk.length;
        seen(bytes);
      });
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  return {
    port,
    bytes: () => bytes,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
