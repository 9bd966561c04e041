import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { type ConditionError, type Evaluate, readCel } from '@tidemark/shared/conditions/cel.ts';
import { nodesIn } from '@tidemark/shared/conditions/names.ts';
import type { Evaluation, HostView } from './evaluate.ts';
import { HOST_LANGUAGE } from './shape.ts';
import { plainValue } from './values.ts';

/** Something to show of a host, such as `host.os.version`. */
export interface ShownField {
  text: string;
  /** Fields of the host that it needs. */
  fields: readonly string[];
  evaluate: Evaluate;
}

/** `os.version` is as good as `host.os.version`. */
export function readField(text: string): Result<ShownField, ConditionError> {
  const whole = /^[A-Za-z_]\w*(\.|$)/.test(text) && !text.startsWith('host.') ? `host.${text}` : text;
  const read = readCel(HOST_LANGUAGE.language, whole, null, '');
  if (!read.ok) return err({ message: `the field ${text}: ${read.error.message}`, offset: read.error.offset });
  const fields = [...nodesIn(read.value.ast)].flatMap(node =>
    node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'host' ? [node.args[1]] : [],
  );
  if (fields.includes('groups'))
    return err({ message: `the field ${text}: "tidemark get groups" shows who is where`, offset: 0 });
  return ok({ text, fields: [...new Set(fields)], evaluate: read.value.evaluate });
}

/** Null where it is not known. */
export function shownOf({ fields, evaluate }: ShownField, host: HostView, evaluation: Evaluation): unknown {
  const known = Object.fromEntries(
    fields.flatMap(field => {
      const value = evaluation.valueOf(field, host);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const found = evaluate({ host: known });
  return found.ok ? plainValue(found.value) : null;
}
