import type { OnFailure } from '@tidemark/shared/orders/order.ts';
import type { StepHost } from './policy.ts';
import type { PlannedKind } from './step-settings.ts';

export interface StandardStep {
  id: string;
  uses: PlannedKind;
  with?: Record<string, unknown>;
  onFailure?: OnFailure;
  /** Hosts that it is for; without it every host on which it finds something to do. */
  applies?(host: StepHost): boolean;
  /** A step that makes no sense without this one. */
  pair?: string;
}

const isManaged = ({ facts }: StepHost): boolean => typeof facts['services'] === 'object' && facts['services'] !== null;
const knowsReboots = ({ facts }: StepHost): boolean => typeof facts['reboot'] === 'object' && facts['reboot'] !== null;
const changesPackages = ({ packages }: StepHost): boolean => packages.length > 0;
const runsBatchWork = ({ view }: StepHost): boolean => view.host.tags.includes('batch');

/**
 * `steps: standard`: what a patch of releases and packages takes, in this order. What can be found out or brought before
 * anything stops comes before, so that a full disk costs nobody anything. Jobs of a step that a host does not need are not
 * made.
 */
export const STANDARD_STEPS: readonly StandardStep[] = [
  { id: 'space', uses: 'check/disk' },
  { id: 'refresh', uses: 'package/refresh' },
  { id: 'fetch', uses: 'package/download' },
  { id: 'stage', uses: 'artifact/stage' },
  { id: 'hold-batch', uses: 'batch/hold', applies: runsBatchWork, pair: 'release-batch' },
  { id: 'backup', uses: 'snapshot/create' },
  { id: 'handover', uses: 'cluster/handover' },
  { id: 'stop', uses: 'service/stop', pair: 'start' },
  { id: 'upgrade', uses: 'package/upgrade' },
  { id: 'patch', uses: 'archive/install' },
  // Programs of an archive are replaced under no process: their services are stopped. Only packages need more.
  { id: 'reboot', uses: 'system/reboot', applies: each => changesPackages(each) && knowsReboots(each) },
  {
    id: 'units',
    uses: 'check/units',
    with: { within: '5m' },
    applies: each => changesPackages(each) && isManaged(each),
  },
  { id: 'start', uses: 'service/start', pair: 'stop' },
  { id: 'verify', uses: 'check/http' },
  // Services that no component names may go on with the old code: worth knowing, and no reason to stop the night.
  {
    id: 'loaded',
    uses: 'check/loaded',
    onFailure: 'continue',
    applies: each => changesPackages(each) && knowsReboots(each),
  },
  { id: 'release-batch', uses: 'batch/release', applies: runsBatchWork, pair: 'hold-batch' },
  { id: 'fingerprint', uses: 'scan/run' },
];
