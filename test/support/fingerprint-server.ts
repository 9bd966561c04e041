import { randomUUID } from 'node:crypto';
import { credentials, InterceptingCall, type Interceptor, Server, ServerCredentials } from '@grpc/grpc-js';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { writeScan } from '@tidemark/agent/scan/scan.ts';
import { createFingerprintHandler } from '@tidemark/controller/link/fingerprint.ts';
import { hosts } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import type { UploadStore } from '@tidemark/controller/verification/ports.ts';
import { createUpload } from '@tidemark/controller/verification/upload.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { FingerprintClient, FingerprintService } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { APPLICATION_PROFILE, type ServerTree } from './scan-tree.ts';

/** Says whose call it is, in place of a certificate. */
const HOST = 'test-host';

/** Lets a client's calls come from this host. */
export const asHost =
  (hostId: string): Interceptor =>
  (options, next) =>
    new InterceptingCall(next(options), {
      start: (metadata, listener, start) => {
        metadata.set(HOST, hostId);
        start(metadata, listener);
      },
    });

/** The fingerprint service on a port of 127.0.0.1, without certificates: whose host calls is said by the test. */
export async function startFingerprintServer(store: UploadStore) {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const handler = createFingerprintHandler({ open: hostId => createUpload(store, hostId), log: quiet });
  const server = new Server();
  server.addService(FingerprintService, {
    upload: (call: Parameters<typeof handler>[0]) => {
      const hostId = String(call.metadata.get(HOST)[0]);
      handler(call, { hostId, hostName: hostId, serial: '1', notAfterMs: Number.MAX_SAFE_INTEGER });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const clients: FingerprintClient[] = [];
  return {
    port,
    /** A client whose calls come from this host; `through` is the port that it calls, where something stands between. */
    clientOf: (hostId: string, through = port): FingerprintClient => {
      const client = new FingerprintClient(`127.0.0.1:${through}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        interceptors: [asHost(hostId)],
      });
      clients.push(client);
      return client;
    },
    /** Ends the server alone. */
    shutDown: () => server.forceShutdown(),
    stop: () => {
      for (const client of clients) client.close();
      server.forceShutdown();
    },
  };
}

export type FingerprintServer = Awaited<ReturnType<typeof startFingerprintServer>>;

export async function addHost(store: Store, name: string): Promise<string> {
  const id = randomUUID();
  await store.db.insert(hosts).values({ id, name });
  return id;
}

/** Scans a tree as a host's agent would, and uploads it. */
export async function scanAndUpload(
  server: FingerprintServer,
  hostId: string,
  tree: ServerTree,
  profile: ScanProfile = APPLICATION_PROFILE,
  scan: string = randomUUID(),
) {
  const directory = tree.directory(scan);
  const file = await writeScan(directory, scan, { profile, root: tree.root, audits: ['/**'] });
  const uploaded = await uploadScan({ client: server.clientOf(hostId), directory, scan });
  if (!uploaded.ok) throw new Error(uploaded.error.message);
  return { scan, directory, file, uploaded: uploaded.value };
}
