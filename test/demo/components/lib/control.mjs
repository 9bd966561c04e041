// What an administrator asks the database node of this server: hand over, are you the standby, which role.
import { call } from './http.mjs';
import { product } from './product.mjs';
import { ownAddress, ownPort } from './site.mjs';

const url = `http://${ownAddress}:${ownPort}`;
const what = process.argv[2];
try {
  if (what === 'handover') {
    const answer = await call('POST', `${url}/handover`, { timeoutMs: 5_000 });
    if (answer.status !== 200) throw new Error(answer.body.error);
    console.log(`this node is ${answer.body.role} now`);
  } else {
    const { role } = (await call('GET', `${url}/role`)).body;
    if (what === 'role') console.log(JSON.stringify({ role }));
    else process.exitCode = role === 'standby' ? 0 : 1;
  }
} catch (error) {
  // A probe says that the node is down; everything else fails.
  if (what === 'role') console.log(JSON.stringify({ role: 'down' }));
  else {
    console.error(`${product}: ${error.message}`);
    process.exitCode = 1;
  }
}
