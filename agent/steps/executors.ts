import type { Call, StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import { archiveActivate, archiveInstall } from './archive.ts';
import { artifactStage } from './artifact-stage.ts';
import { batchHold, batchRelease } from './batch.ts';
import { checkAll } from './check-all.ts';
import { checkClock } from './check-clock.ts';
import { checkCommand } from './check-command.ts';
import { checkDisk } from './check-disk.ts';
import { checkFacts } from './check-facts.ts';
import { checkHttp } from './check-http.ts';
import { checkPending } from './check-pending.ts';
import { checkSql } from './check-sql.ts';
import { checkTcp } from './check-tcp.ts';
import { checkUnits } from './check-units.ts';
import { clusterHandover } from './cluster-handover.ts';
import { clusterJoin, clusterLeave } from './cluster-member.ts';
import { commandRun, commandShell } from './command.ts';
import type { Executor, StepContext, StepReport } from './executor.ts';
import { fileClean } from './file-clean.ts';
import { inventoryRun } from './inventory-run.ts';
import { lbDrain, lbEnable } from './lb.ts';
import { manualTask } from './manual.ts';
import {
  packageDownload,
  packageHold,
  packageInstall,
  packageRefresh,
  packageRemove,
  packageRepair,
  packageUnhold,
  packageUpgrade,
} from './package.ts';
import { scanRun } from './scan-run.ts';
import {
  serviceMask,
  serviceReload,
  serviceRestart,
  serviceStart,
  serviceStatus,
  serviceStop,
  serviceUnmask,
} from './service.ts';
import { snapshotCreate, snapshotDelete, snapshotPrune, snapshotRevert } from './snapshot.ts';
import { checkLoaded } from './system-loaded.ts';
import { systemReboot } from './system-reboot.ts';
import { systemWait } from './system-wait.ts';

/** Who does what. A kind of the vocabulary that is not here does not compile. */
const executors = {
  'check/disk': checkDisk,
  'check/http': checkHttp,
  'check/clock': checkClock,
  'check/units': checkUnits,
  'check/pending': checkPending,
  'check/tcp': checkTcp,
  'check/sql': checkSql,
  'check/command': checkCommand,
  'check/facts': checkFacts,
  'check/all': checkAll,
  'batch/hold': batchHold,
  'batch/release': batchRelease,
  'lb/drain': lbDrain,
  'lb/enable': lbEnable,
  'cluster/leave': clusterLeave,
  'cluster/join': clusterJoin,
  'file/clean': fileClean,
  'artifact/stage': artifactStage,
  'snapshot/create': snapshotCreate,
  'snapshot/delete': snapshotDelete,
  'snapshot/revert': snapshotRevert,
  'snapshot/prune': snapshotPrune,
  'service/start': serviceStart,
  'service/stop': serviceStop,
  'service/restart': serviceRestart,
  'service/reload': serviceReload,
  'service/status': serviceStatus,
  'service/mask': serviceMask,
  'service/unmask': serviceUnmask,
  'archive/install': archiveInstall,
  'archive/activate': archiveActivate,
  'cluster/handover': clusterHandover,
  'command/run': commandRun,
  'command/shell': commandShell,
  'manual/task': manualTask,
  'package/refresh': packageRefresh,
  'package/download': packageDownload,
  'package/upgrade': packageUpgrade,
  'package/install': packageInstall,
  'package/remove': packageRemove,
  'package/hold': packageHold,
  'package/unhold': packageUnhold,
  'package/repair': packageRepair,
  'scan/run': scanRun,
  'inventory/run': inventoryRun,
  'system/reboot': systemReboot,
  'system/wait': systemWait,
  'check/loaded': checkLoaded,
} satisfies { [K in StepKind]: Executor<K> };

export function execute(call: Call, context: StepContext): Promise<StepReport> {
  // Kind and arguments fit each other by the type of Call, which TypeScript cannot carry through the lookup.
  const executor = executors[call.kind] as (args: Call['args'], context: StepContext) => Promise<StepReport>;
  return executor(call.args, context);
}
