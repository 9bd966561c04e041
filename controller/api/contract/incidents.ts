import { z } from 'zod';
import { Instant } from './common.ts';
import { route } from './route.ts';

export const Incident = z.object({
  id: z.int(),
  run: z.string().nullable(),
  host: z.string().nullable(),
  title: z.string(),
  detail: z.string(),
  state: z.enum(['open', 'resolved']),
  openedAt: Instant,
  resolvedAt: Instant.nullable(),
});
export type Incident = z.input<typeof Incident>;

export const incidentRoutes = {
  listIncidents: route({
    method: 'GET',
    path: '/incidents',
    role: 'viewer',
    tag: 'incidents',
    summary: 'What needs, or needed, a decision',
    query: z.strictObject({ state: z.enum(['open', 'resolved', 'all']).default('open') }),
    reply: z.object({ incidents: z.array(Incident) }),
  }),
  resolveIncident: route({
    method: 'POST',
    path: '/incidents/:id/resolve',
    role: 'operator',
    tag: 'incidents',
    summary: 'Says that what an incident is about has been dealt with',
    params: z.strictObject({ id: z.coerce.number().int().min(1) }),
    body: z.strictObject({ reason: z.string().min(1, 'say what was done').max(1_024) }),
    reply: Incident,
  }),
};
