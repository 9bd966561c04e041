import { z } from 'zod';
import { byName, Count, Instant, Line, list, Name, Port } from './text.ts';

/* What is installed on the machine, and what of it runs. */

export const InstalledPackage = z.object({
  name: Name,
  version: Name,
  /** The manager's own word: `amd64`, `x86_64`, `all`, `noarch`. */
  architecture: Name,
  /** What it was built from: its own name where the manager knows no other. */
  source: Name,
  sourceVersion: Name,
  /** Who made it, as far as the manager says: `Debian`, a vendor, the label of a repository. Empty where it does not. */
  origin: Name,
  /** Its owner has said that it stays as it is. */
  held: z.boolean(),
  /** `installed` where all is well, else the manager's own word: `half-configured`. */
  state: Name,
});
export type InstalledPackage = z.infer<typeof InstalledPackage>;

/** Three times what a large server has, some 2 MB of JSON. */
export const MAX_PACKAGES = 10_000;

export const Packages = z.object({
  /** `apt`, `dnf`, `zypper`, `pacman`, `apk`, `windows` */
  manager: Name,
  /** The server's own, in the manager's word; empty where all its packages are of none. */
  architecture: Name,
  /** How many there are; more than are listed where `truncated`. */
  count: Count,
  truncated: z.boolean(),
  /** By name, then architecture. */
  installed: list(InstalledPackage, MAX_PACKAGES),
});
export type Packages = z.infer<typeof Packages>;

/** What the lists of the repositories offer, as they lie on the server. */
export const Updates = z.object({
  manager: Name,
  available: list(z.object({ name: Name, version: Name }), MAX_PACKAGES),
});

/** Packages of languages, from the directories that the site's configuration names. */
export const Libraries = list(
  z.object({ ecosystem: z.enum(['npm', 'pypi', 'maven']), name: Name, version: Name, path: Line }),
  MAX_PACKAGES,
);

/** What lies in /opt in the layout of releases, by product. */
export const Releases = byName(z.object({ home: Line, version: Name.nullable(), available: list(Name, 1_024) }), 1_024);

/** By unit. */
export const Services = byName(
  z.object({
    /** `active`, `inactive`, `failed` */
    active: Name,
    /** `running`, `exited`, `dead` */
    sub: Name,
    /** `enabled`, `disabled`, `static`, `masked`; empty where the manager does not say. */
    enabled: Name,
  }),
  4_096,
);
export const FailedUnits = list(Name, 4_096);

export const Timers = list(
  z.object({
    unit: Name,
    /** What it starts. */
    activates: Name,
    /** `OnCalendar=*-*-* 06:00:00`, as systemd has it. */
    schedule: list(Line, 32),
    active: z.boolean(),
  }),
  1_024,
);

export const CronJobs = list(
  z.object({
    /** The file that says so. */
    source: Line,
    user: Name,
    /** `17 * * * *`, `@daily` */
    schedule: Name,
    /** With what looks like a secret taken out. */
    command: Line,
  }),
  2_048,
);

export const Users = list(
  z.object({
    name: Name,
    uid: Count,
    /** Of its first group. */
    group: Name,
    groups: list(Name, 256),
    home: Line,
    shell: Line,
    /** Its shell is one. Whether there is a password or a key nobody reads. */
    login: z.boolean(),
  }),
  4_096,
);

export const Containers = list(
  z.object({
    /** `docker`, `podman`, `containerd` */
    runtime: Name,
    id: Name,
    name: Name,
    image: Line,
    /** `running`, `exited` */
    state: Name,
  }),
  2_048,
);

/** Certificates in the directories that the site's configuration names, and nothing else of their files. */
export const Certificates = list(
  z.object({
    path: Line,
    subject: Line,
    issuer: Line,
    serial: Name,
    /** Names it is good for. */
    names: list(Line, 256),
    notBefore: Instant,
    notAfter: Instant,
    /** SHA-256 of the DER, hex. */
    fingerprint: Name,
  }),
  2_048,
);

/** Software that makes hosts cover for each other, where it is there; its members are null where it is not. */
export const ClusterSoftware = z.object({
  pacemaker: z.object({ cluster: Name, node: Name, nodes: list(Name, 128), state: Name }).nullable(),
  keepalived: z
    .object({
      instances: list(
        z.object({ name: Name, state: Name, priority: Count, addresses: list(Name, 64), here: z.boolean() }),
        128,
      ),
    })
    .nullable(),
  patroni: z.object({ scope: Name, name: Name, role: Name, state: Name }).nullable(),
  postgresql: list(
    z.object({ port: Port, data: Line, version: Name, role: z.enum(['primary', 'standby', 'unknown']) }),
    64,
  ),
  haproxy: z
    .object({
      backends: list(z.object({ name: Name, servers: list(z.object({ name: Name, address: Name }), 1_024) }), 512),
    })
    .nullable(),
});
