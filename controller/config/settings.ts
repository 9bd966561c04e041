import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Fragment } from './fragments.ts';

/** Where to listen. */
export interface Listen {
  host: string;
  port: number;
}

export interface Settings {
  fleet: string;
  /** Absolute. */
  stateDir: string;
  databaseUrl: string | null;
  api: Listen;
  link: Listen;
  enrolment: Listen;
  publicNames: readonly string[];
  tickMs: number;
  silenceMs: number;
  /** As CIDR. */
  gateNetworks: readonly string[];
  repositoryNetworks: readonly string[];
  landscapeNetworks: readonly string[];
  /** Absolute, as the next. */
  landscapeDirectories: readonly string[];
  landscapePrograms: readonly string[];
  logLevel: NonNullable<Fragment['logLevel']>;
}

/** Loopback by default: that a controller can be reached from elsewhere is somebody's decision. */
const DEFAULTS = {
  fleet: 'default',
  apiListen: '127.0.0.1:7443',
  linkListen: '127.0.0.1:7444',
  enrolListen: '127.0.0.1:7445',
  /** A person sees a change within half a second; deciding for 200 hosts takes a few milliseconds. */
  tickMs: 500,
  /** Three times as long as a connection may be mute: a reboot that takes a minute is no incident. */
  silenceMs: 90_000,
  logLevel: 'info',
} as const;

const FLEET = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Checked and complete settings, or all that is wrong with the inputs, one sentence each. */
export function settingsOf(inputs: Fragment): Result<Settings, string[]> {
  const problems: string[] = [];
  const listen = (name: 'apiListen' | 'linkListen' | 'enrolListen'): Listen => {
    const text = inputs[name] ?? DEFAULTS[name];
    const parsed = parseListen(text);
    if (!parsed) problems.push(`${name}: "${text}" is not address:port, such as 127.0.0.1:7443 or [::]:7443`);
    return parsed ?? { host: '', port: 0 };
  };
  const fleet = inputs.fleet ?? DEFAULTS.fleet;
  if (!FLEET.test(fleet)) problems.push(`fleet: "${fleet}" must be lower-case letters, digits and "-", 63 at most`);
  const stateDir = inputs.stateDir ?? '';
  if (!isAbsolute(stateDir)) problems.push(`stateDir: "${stateDir}" must be an absolute path`);
  const publicNames = inputs.publicNames ?? [];
  for (const name of publicNames) {
    if (isIP(name) === 0 && !HOST_NAME.test(name))
      problems.push(`publicNames: "${name}" is no host name and no address`);
  }
  const tickMs = inputs.tickMs ?? DEFAULTS.tickMs;
  if (tickMs < 50 || tickMs > 60_000) problems.push(`tickMs: ${tickMs} is not between 50 and 60000 milliseconds`);
  const silenceMs = inputs.silenceMs ?? DEFAULTS.silenceMs;
  // A connection over which nothing comes is given up after three heartbeats of 10 s: before that nobody is silent.
  if (silenceMs < 30_000 || silenceMs > 3_600_000)
    problems.push(`silenceMs: ${silenceMs} is not between 30000 and 3600000 milliseconds`);
  const networks = (name: 'gateNetworks' | 'repositoryNetworks' | 'landscapeNetworks'): readonly string[] => {
    const given = inputs[name] ?? [];
    for (const network of given)
      if (!isNetwork(network))
        problems.push(`${name}: "${network}" is no network, such as 127.0.0.1/32 or 10.1.0.0/16`);
    return given;
  };
  const gateNetworks = networks('gateNetworks');
  const repositoryNetworks = networks('repositoryNetworks');
  const landscapeNetworks = networks('landscapeNetworks');
  const paths = (name: 'landscapeDirectories' | 'landscapePrograms'): readonly string[] => {
    const given = inputs[name] ?? [];
    for (const path of given) if (!isAbsolute(path)) problems.push(`${name}: "${path}" must be an absolute path`);
    return given;
  };
  const landscapeDirectories = [join(stateDir, 'landscape'), ...paths('landscapeDirectories')];
  const landscapePrograms = paths('landscapePrograms');
  if (inputs.databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(inputs.databaseUrl)) {
    problems.push('databaseUrl: must begin with postgres:// (user, password, host and database follow)');
  }
  const api = listen('apiListen');
  const link = listen('linkListen');
  const enrolment = listen('enrolListen');
  for (const [a, b, what] of [
    [api, link, 'apiListen and linkListen'],
    [api, enrolment, 'apiListen and enrolListen'],
    [link, enrolment, 'linkListen and enrolListen'],
  ] as const) {
    if (a.port !== 0 && a.port === b.port && a.host === b.host)
      problems.push(`${what} are the same: each needs a port of its own`);
  }
  if (problems.length > 0) return err(problems);
  return ok({
    fleet,
    stateDir,
    databaseUrl: inputs.databaseUrl ?? null,
    api,
    link,
    enrolment,
    publicNames,
    tickMs,
    silenceMs,
    gateNetworks,
    repositoryNetworks,
    landscapeNetworks,
    landscapeDirectories,
    landscapePrograms,
    logLevel: inputs.logLevel ?? DEFAULTS.logLevel,
  });
}

function isNetwork(text: string): boolean {
  const [, address = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 6 ? 128 : 32);
}

function parseListen(text: string): Listen | null {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (!parts) return null;
  const host = parts[1] ?? parts[2] ?? '';
  const port = Number(parts[3]);
  if (port > 65_535 || (isIP(host) === 0 && !HOST_NAME.test(host))) return null;
  return { host, port };
}
