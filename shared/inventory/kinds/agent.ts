import { z } from 'zod';
import { Count, Instant, Line, list, Name } from './text.ts';

/* What the agent tells of itself and of its looking. */

export const BootId = Name;
export const HostName = Name;

/** Units that are kept from starting: those that were active before. */
export const Holds = list(z.object({ hold: Name, heldAt: Instant, units: list(Name, 4_096) }), 256);

/** The key to which secrets of its cluster are sealed, base64. */
export const SealingKey = Name;
/** The key for secrets that the agent has taken. */
export const SecretKey = z.object({ name: Name, generation: Count, keyId: Name });

/** What could not be found out: `disks: /mnt/nfs (nfs4) does not answer`. */
export const Errors = list(Line, 1_024);
