import { z } from 'zod';
import { Argv, Name, UnitName } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** A component that is started, stopped and probed by commands, as traditional middleware is. */
export const ScriptService = z.strictObject({
  provider: z.literal('script'),
  start: Argv,
  stop: Argv,
  /** Exit status as LSB says: 0 it runs, 3 it does not. */
  status: Argv,
});
export type ScriptService = z.infer<typeof ScriptService>;

/** A component that systemd runs. */
export const SystemdService = z.strictObject({
  provider: z.literal('systemd'),
  /** In the order in which they start; they stop the other way round. */
  units: z.array(UnitName).min(1).max(32),
});
export type SystemdService = z.infer<typeof SystemdService>;

/** A component that an init script runs, of SysV or OpenRC, asked for by `service NAME`. */
export const SysvService = z.strictObject({
  provider: z.literal('sysv'),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'must be the name of an init script'),
});
export type SysvService = z.infer<typeof SysvService>;

/** A component that Windows' service control manager runs. */
export const WindowsService = z.strictObject({
  provider: z.literal('windows'),
  /** Names, not titles; in the order in which they start, and stop the other way round. */
  services: z
    .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.$-]{0,255}$/, 'must be the name of a Windows service'))
    .min(1)
    .max(32),
});
export type WindowsService = z.infer<typeof WindowsService>;

export const Service = z.discriminatedUnion('provider', [ScriptService, SystemdService, SysvService, WindowsService]);
export type Service = z.infer<typeof Service>;

/** Those that can be told to read their configuration again. */
const ReloadableService = z.discriminatedUnion('provider', [SystemdService, SysvService]);

const component = { component: Name };
/** How long the state may take to show after the command has ended. */
const waitMs = z.int().min(0);
const ServiceArgs = z.strictObject({ ...component, service: Service, waitMs });
const MaskArgs = z.strictObject({ ...component, service: SystemdService });

export const serviceKinds = {
  'service/stop': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
  'service/start': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
  'service/restart': { class: 'patch', idempotent: true, expectedMs: 4_000, args: ServiceArgs },
  'service/reload': {
    class: 'patch',
    idempotent: true,
    expectedMs: 500,
    args: z.strictObject({ ...component, service: ReloadableService, waitMs }),
  },
  /** Not `observe`: the probe of a component of scripts is a program that the order names. */
  'service/status': {
    class: 'patch',
    idempotent: true,
    prepares: true,
    expectedMs: 300,
    args: z.strictObject({
      ...component,
      service: Service,
      /** Fails where it is not so; null where it is only to be said. */
      expect: z.enum(['up', 'down']).nullable(),
    }),
  },
  /** Nothing but a person can start its units any more, until they are unmasked or the server boots. */
  'service/mask': { class: 'patch', idempotent: true, expectedMs: 500, args: MaskArgs },
  /** Takes back exactly what `service/mask` did for this component. */
  'service/unmask': { class: 'patch', idempotent: true, expectedMs: 500, args: MaskArgs },
} as const satisfies Record<string, StepKindSpec>;
