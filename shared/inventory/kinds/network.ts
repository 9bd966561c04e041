import { z } from 'zod';
import { Count, Line, list, Name, Port } from './text.ts';

/* What the machine can be reached by, and whom it talks to. */

export const Interfaces = list(
  z.object({
    name: Name,
    mac: Name,
    mtu: Count,
    /** `up`, `down`, `unknown` */
    state: Name,
    /** With the length of their prefix: `10.0.0.7/24`. */
    addresses: list(Name, 256),
  }),
  1_024,
);

/** Who listens; one that serves on several addresses is there several times. */
export const Sockets = list(
  z.object({
    protocol: z.enum(['tcp', 'udp']),
    /** `0.0.0.0` and `::` are any. */
    address: Name,
    port: Port,
    /** Empty where it cannot be known. */
    process: Name,
    /** The program's file. */
    program: Line,
    /** The unit that it belongs to. */
    unit: Name,
  }),
  4_096,
);

/**
 * Whom processes of the machine had connections with in the last days: `port` is the peer's where it was called from
 * here. Loopback is left out.
 */
export const Peers = list(
  z.object({ protocol: z.enum(['tcp']), address: Name, port: Port, process: Name, unit: Name }),
  2_048,
);
