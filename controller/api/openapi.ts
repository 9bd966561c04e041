import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ErrorReply, Instant } from './contract/common.ts';
import { API_PREFIX } from './contract/route.ts';

/** Path of the document itself. */
export const OPENAPI_PATH = `${API_PREFIX}/openapi.json`;

const schemaRegistry = z.registry<{ id?: string }>();
schemaRegistry.add(ErrorReply, { id: 'Error' });

type JsonConfig = NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']>;

const zodToJsonConfig: JsonConfig = {
  target: 'draft-2020-12',
  unrepresentable: 'any',
  override: ({ zodSchema, jsonSchema }) => {
    const schema = jsonSchema as Record<string, unknown> & { minimum?: number; maximum?: number };
    if ((zodSchema as unknown) === Instant) {
      // Replies are described by what handlers give; on the wire a moment is always text.
      for (const key of Object.keys(schema)) delete schema[key];
      Object.assign(schema, { type: 'string', format: 'date-time' });
    }
    // What every number in JSON is limited to says nothing.
    if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
    if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
    const { def } = zodSchema._zod;
    // Replies may grow; only requests are closed.
    if (def.type === 'object' && def.catchall === undefined)
      delete (schema as { additionalProperties?: unknown }).additionalProperties;
  },
};

/** Registers what collects the routes' schemas; must come before the routes. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  const transformObject = createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tidemark',
        version,
        description: 'Patches fleets of servers in waves and proves what is on them.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig }),
    transformObject: document => withUploads(transformObject(document)),
  });
}

/** A body of bytes has no schema to be checked against, so the document is told of it here. */
function withUploads<T extends { paths?: object | undefined }>(document: T): T {
  for (const path of Object.values(document.paths ?? {}) as Record<
    string,
    { 'x-bytes'?: true; requestBody?: unknown }
  >[]) {
    for (const operation of Object.values(path)) {
      if (!operation['x-bytes']) continue;
      delete operation['x-bytes'];
      operation.requestBody = {
        required: true,
        content: { 'application/octet-stream': { schema: { format: 'binary' } } },
      };
    }
  }
  return document;
}
