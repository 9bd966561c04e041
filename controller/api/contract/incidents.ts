import { z } from 'zod';
import { Instant } from './common.ts';
import { Impact } from './landscape-use.ts';
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
  /** Who looks after it. */
  takenBy: z.string().nullable(),
  /** What was done, by whom; null while it is open, or where its cause went away by itself. */
  resolution: z.string().nullable(),
  resolvedBy: z.string().nullable(),
  /** Others of the same run with the same error. */
  alike: z.int(),
});
export type Incident = z.input<typeof Incident>;

const Comment = z.object({ at: Instant, by: z.string(), text: z.string() });

/** What somebody needs to know who is called at night. What is not known any more, or is about no job, is null. */
export const IncidentDetail = Incident.extend({
  comments: z.array(Comment),
  job: z
    .object({
      name: z.string(),
      step: z.string(),
      state: z.string(),
      attempt: z.int(),
      attempts: z.int(),
      message: z.string(),
      /** The end of what it wrote, as text. */
      output: z.string(),
    })
    .nullable(),
  /** The other members of its cluster, or the hosts of its application, and where they are. */
  peers: z.array(z.object({ host: z.string(), state: z.string(), reason: z.string() })),
  /** What does not go on because of it, and which cluster or tier has no spare left. */
  held: z.array(z.string()),
  noSpare: z.array(z.string()),
  /** What does not do its work while the host stands still; null where it is about no host of the landscape. */
  impact: Impact.nullable(),
  /** Until the end of the run's window. */
  minutesLeft: z.int().nullable(),
  /** What would be accepted now, as commands. */
  actions: z.array(z.string()),
  /** The same error on other hosts of the run. */
  alikeHosts: z.array(z.string()),
});
export type IncidentDetail = z.input<typeof IncidentDetail>;

const IncidentId = z.strictObject({ id: z.coerce.number().int().min(1) });

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
  getIncident: route({
    method: 'GET',
    path: '/incidents/:id',
    role: 'viewer',
    tag: 'incidents',
    summary: 'All that is known of an incident, and what can be done about it now',
    params: IncidentId,
    reply: IncidentDetail,
  }),
  takeIncident: route({
    method: 'POST',
    path: '/incidents/:id/take',
    role: 'operator',
    tag: 'incidents',
    summary: 'Says who looks after it',
    params: IncidentId,
    reply: Incident,
  }),
  commentIncident: route({
    method: 'POST',
    path: '/incidents/:id/comments',
    role: 'operator',
    tag: 'incidents',
    summary: 'Writes down what was found out',
    params: IncidentId,
    body: z.strictObject({ text: z.string().min(1).max(8_192) }),
    status: 201,
    reply: Incident,
  }),
  resolveIncident: route({
    method: 'POST',
    path: '/incidents/:id/resolve',
    role: 'operator',
    tag: 'incidents',
    summary: 'Says that what an incident is about has been dealt with',
    params: IncidentId,
    body: z.strictObject({ reason: z.string().min(1, 'say what was done').max(1_024) }),
    reply: Incident,
  }),
};
