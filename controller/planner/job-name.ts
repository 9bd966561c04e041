import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import type { PlannerComponent } from './input.ts';

const PLACEHOLDER = /\$\{([^}]*)\}/g;
const KNOWN = ['step.id', 'step.verb', 'component.kind', 'component.name', 'host.name', 'job.name'];

/** What is wrong with a template of job names. A name that does not say which host it is about is no name. */
export function unknownJobNameParts(template: string): string[] {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '');
  const unknown = names
    .filter(name => !KNOWN.includes(name))
    .map(
      name =>
        `the placeholder "${name}" is unknown here${didYouMean(name, KNOWN) || `; known are ${KNOWN.join(', ')}`}`,
    );
  if (unknown.length > 0) return unknown;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
  return names.includes('host.name') || names.includes('job.name') ? [] : ['it must hold ${host.name}, or ${job.name}'];
}

/** A job's name by the policy's template. A template about components does not fit jobs that have none: these keep theirs. */
export function jobName(
  template: string | null,
  job: { name: string; step: string; call: Call; host: string; component: PlannerComponent | null },
): string {
  if (template === null) return job.name;
  if (job.component === null && template.includes('${component.')) return job.name;
  const values = new Map([
    ['step.id', job.step],
    ['step.verb', job.call.kind.slice(job.call.kind.indexOf('/') + 1)],
    ['component.kind', job.component?.kind ?? ''],
    ['component.name', job.component?.name ?? ''],
    ['host.name', job.host],
    ['job.name', job.name],
  ]);
  return template.replaceAll(PLACEHOLDER, (written, name: string) => values.get(name) ?? written).slice(0, 512);
}
