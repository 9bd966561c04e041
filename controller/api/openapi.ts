import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { Instant } from './contract/common.ts';
import { API_PREFIX } from './contract/route.ts';

/** Registers what collects the routes' schemas; must come before the routes. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
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
    transform: createJsonSchemaTransform({
      zodToJsonConfig: {
        target: 'draft-2020-12',
        unrepresentable: 'any',
        override: ({ zodSchema, jsonSchema }) => {
          // Replies are described by what handlers give; on the wire a moment is always text.
          if (zodSchema === Instant) {
            for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
            Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
          }
        },
      },
    }),
  });
}

/** Path of the document itself. */
export const OPENAPI_PATH = `${API_PREFIX}/openapi.json`;
