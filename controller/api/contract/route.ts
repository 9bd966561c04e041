import type { z } from 'zod';
import type { Role } from './common.ts';

/**
 * One thing that can be asked of the controller, as data: the server, the client and the OpenAPI document are all made
 * from it. `role` is what a token needs; a route that had none would be denied to everybody.
 */
export interface RouteDefinition {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below {@link API_PREFIX}, parameters as `:name`. */
  path: string;
  role: Role | 'anyone';
  summary: string;
  tag: string;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** The body is a stream of bytes instead of JSON. */
  bytes?: true;
  reply: z.ZodType;
  /** Of a success; 200 where it is not said. */
  status?: 200 | 201 | 202;
}

export const API_PREFIX = '/api/v1';

/** Keeps the exact types of a definition while it checks its shape. */
export const route = <const R extends RouteDefinition>(definition: R): R => definition;
