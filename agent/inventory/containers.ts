import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import { z } from 'zod';
import { resolveBelow } from '../platform/server-path.ts';
import type { ServerFiles } from './server-files.ts';

/* Containers, by what costs no program: the sockets of Docker and Podman, which speak the same, and containerd's files. */

type Containers = SectionContent<'containers'>;

const SOCKETS = [
  ['docker', '/run/docker.sock'],
  ['podman', '/run/podman/podman.sock'],
] as const;
const ANSWERS_WITHIN_MS = 3_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_CONTAINERS = 2_048;
const TASKS = '/run/containerd/io.containerd.runtime.v2.task';

const Listed = z.array(
  z.object({ Id: z.string(), Names: z.array(z.string()).nullish(), Image: z.string(), State: z.string() }),
);

/** Null where nothing that runs containers is there. */
export async function collectContainers(files: ServerFiles, errors: string[]): Promise<Containers | null> {
  const found: Containers = [];
  let isThere = false;
  for (const [runtime, socket] of SOCKETS) {
    if (!files.exists(socket)) continue;
    isThere = true;
    try {
      const answer = await ask(resolveBelow(files.root, socket), '/containers/json?all=true');
      found.push(...parseContainers(runtime, answer));
    } catch (error) {
      errors.push(`containers: ${socket}: ${(error as Error).message}`);
    }
  }
  if (files.exists(TASKS)) {
    isThere = true;
    found.push(...containerdTasks(files));
  }
  if (!isThere) return null;
  return found.sort((a, b) => (`${a.runtime} ${a.id}` < `${b.runtime} ${b.id}` ? -1 : 1)).slice(0, MAX_CONTAINERS);
}

/** Pure: reads what Docker's API answers to `/containers/json`. */
export const parseContainers = (runtime: string, text: string): Containers =>
  Listed.parse(JSON.parse(text)).map(({ Id, Names, Image, State }) => ({
    runtime,
    id: Id.slice(0, 12),
    name: (Names?.[0] ?? '').replace(/^\//, '').slice(0, 256),
    image: Image.slice(0, 4_096),
    state: State.slice(0, 256),
  }));

const Bundle = z.object({ annotations: z.record(z.string(), z.string()).optional() });

/** What runs, by namespace; Docker's own are there by Docker. */
function containerdTasks(files: ServerFiles): Containers {
  const namespaces = files.names(TASKS).filter(name => name !== 'moby');
  return namespaces.flatMap(namespace =>
    files.names(`${TASKS}/${namespace}`).map(id => {
      const annotations = annotationsOf(files.text(`${TASKS}/${namespace}/${id}/config.json`));
      const name =
        annotations['io.kubernetes.cri.container-name'] ?? annotations['io.kubernetes.cri.sandbox-name'] ?? '';
      return {
        ...{ runtime: 'containerd', id: id.slice(0, 12), name: name.slice(0, 256), state: 'running' },
        image: (annotations['io.kubernetes.cri.image-name'] ?? '').slice(0, 4_096),
      };
    }),
  );
}

function annotationsOf(text: string): Record<string, string> {
  try {
    return Bundle.parse(JSON.parse(text)).annotations ?? {};
  } catch {
    return {};
  }
}

async function ask(socketPath: string, path: string): Promise<string> {
  // Loaded where there is something to ask.
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, host: 'localhost', timeout: ANSWERS_WITHIN_MS }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > MAX_BYTES) asked.destroy(new Error('answers more than can be read'));
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`answers ${response.statusCode}`));
      });
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`did not answer within ${ANSWERS_WITHIN_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
