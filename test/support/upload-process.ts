import { credentials } from '@grpc/grpc-js';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { FingerprintClient } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { asHost } from './fingerprint-server.ts';

/* An agent's upload as a process of its own, to be killed. Arguments: port, host id, directory and name of the scan. */

const [port, hostId = '', directory = '', scan = ''] = process.argv.slice(2);
const client = new FingerprintClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
  interceptors: [asHost(hostId)],
});
const uploaded = await uploadScan({ client, directory, scan });
process.stdout.write(JSON.stringify(uploaded.ok ? uploaded.value : { error: uploaded.error.message }));
client.close();
