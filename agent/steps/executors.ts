import type { Call, StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import type { Executor, StepContext, StepReport } from './executor.ts';

/**
 * Who does what. A kind of the vocabulary that is not here does not compile. Loaded when it is wanted: a step's child does
 * one thing, and all of them together take longer to load than most of them to do.
 */
const executors = {
  'check/disk': async () => (await import('./check-disk.ts')).checkDisk,
  'check/http': async () => (await import('./check-http.ts')).checkHttp,
  'check/clock': async () => (await import('./check-clock.ts')).checkClock,
  'check/units': async () => (await import('./check-units.ts')).checkUnits,
  'check/pending': async () => (await import('./check-pending.ts')).checkPending,
  'check/tcp': async () => (await import('./check-tcp.ts')).checkTcp,
  'check/sql': async () => (await import('./check-sql.ts')).checkSql,
  'check/command': async () => (await import('./check-command.ts')).checkCommand,
  'check/facts': async () => (await import('./check-facts.ts')).checkFacts,
  'check/all': async () => (await import('./check-all.ts')).checkAll,
  'batch/hold': async () => (await import('./batch.ts')).batchHold,
  'batch/release': async () => (await import('./batch.ts')).batchRelease,
  'lb/drain': async () => (await import('./lb.ts')).lbDrain,
  'lb/enable': async () => (await import('./lb.ts')).lbEnable,
  'cluster/leave': async () => (await import('./cluster-member.ts')).clusterLeave,
  'cluster/join': async () => (await import('./cluster-member.ts')).clusterJoin,
  'file/clean': async () => (await import('./file-clean.ts')).fileClean,
  'artifact/stage': async () => (await import('./artifact-stage.ts')).artifactStage,
  'snapshot/create': async () => (await import('./snapshot.ts')).snapshotCreate,
  'snapshot/delete': async () => (await import('./snapshot.ts')).snapshotDelete,
  'snapshot/revert': async () => (await import('./snapshot.ts')).snapshotRevert,
  'snapshot/prune': async () => (await import('./snapshot.ts')).snapshotPrune,
  'service/start': async () => (await import('./service.ts')).serviceStart,
  'service/stop': async () => (await import('./service.ts')).serviceStop,
  'service/restart': async () => (await import('./service.ts')).serviceRestart,
  'service/reload': async () => (await import('./service.ts')).serviceReload,
  'service/status': async () => (await import('./service.ts')).serviceStatus,
  'service/mask': async () => (await import('./service.ts')).serviceMask,
  'service/unmask': async () => (await import('./service.ts')).serviceUnmask,
  'archive/install': async () => (await import('./archive.ts')).archiveInstall,
  'archive/activate': async () => (await import('./archive.ts')).archiveActivate,
  'cluster/handover': async () => (await import('./cluster-handover.ts')).clusterHandover,
  'command/run': async () => (await import('./command.ts')).commandRun,
  'command/shell': async () => (await import('./command.ts')).commandShell,
  'manual/task': async () => (await import('./manual.ts')).manualTask,
  'package/refresh': async () => (await import('./package.ts')).packageRefresh,
  'package/download': async () => (await import('./package.ts')).packageDownload,
  'package/upgrade': async () => (await import('./package.ts')).packageUpgrade,
  'package/install': async () => (await import('./package.ts')).packageInstall,
  'package/remove': async () => (await import('./package.ts')).packageRemove,
  'package/hold': async () => (await import('./package.ts')).packageHold,
  'package/unhold': async () => (await import('./package.ts')).packageUnhold,
  'package/repair': async () => (await import('./package.ts')).packageRepair,
  'scan/run': async () => (await import('./scan-run.ts')).scanRun,
  'inventory/run': async () => (await import('./inventory-run.ts')).inventoryRun,
  'system/reboot': async () => (await import('./system-reboot.ts')).systemReboot,
  'system/wait': async () => (await import('./system-wait.ts')).systemWait,
  'check/loaded': async () => (await import('./system-loaded.ts')).checkLoaded,
} satisfies { [K in StepKind]: () => Promise<Executor<K>> };

export async function execute(call: Call, context: StepContext): Promise<StepReport> {
  // Kind and arguments fit each other by the type of Call, which TypeScript cannot carry through the lookup.
  const executor = (await executors[call.kind]()) as (args: Call['args'], context: StepContext) => Promise<StepReport>;
  return executor(call.args, context);
}
