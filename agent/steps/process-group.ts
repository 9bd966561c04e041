import {
  controlGroupOf,
  killControlGroup,
  signalControlGroup,
  unitOfControlGroup,
} from '../platform/systemd-cgroup.ts';
import type { StepUnit } from './directory.ts';

/** Everything that a step started, as far as it can be reached: its unit's control group, else its process group. */
export interface StepProcesses {
  /** Null where the step has a session of its own instead. */
  unit: StepUnit | null;
  /** Asks everything but the step itself to end. */
  terminate(): void;
  /** Ends everything at once; the step itself with it or directly after. */
  kill(): void;
}

/** Units of steps are called `tidemark-step-<random>.service`: what else this process may run in is not its own. */
const STEP_UNIT = /^tidemark-step-[0-9a-f]+\.service$/;
export const stepUnitName = (random: string): string => `tidemark-step-${random}.service`;

export function ownProcesses(): StepProcesses {
  const unit = ownUnit();
  if (unit === null) return { unit, terminate: () => signalGroup('SIGTERM'), kill: () => signalGroup('SIGKILL') };
  return {
    unit,
    terminate: () => void signalControlGroup(unit.controlGroup, 'SIGTERM', process.pid),
    kill: () => killControlGroup(unit.controlGroup, process.pid),
  };
}

function ownUnit(): StepUnit | null {
  const controlGroup = controlGroupOf('self');
  const name = controlGroup && unitOfControlGroup(controlGroup);
  if (!controlGroup || !name || !STEP_UNIT.test(name)) return null;
  return { name, invocation: process.env['INVOCATION_ID'] ?? '', controlGroup };
}

function signalGroup(signal: NodeJS.Signals): void {
  try {
    process.kill(-process.pid, signal);
  } catch {
    // Not the leader of a group: started by hand. Then there is only this process to end, and it ends by itself.
  }
}
