import { useSyncExternalStore } from 'react';
import { onSignedOut, repeatCsrf, send } from './ask.ts';

type Role = 'viewer' | 'operator' | 'approver' | 'admin';

export type Session =
  | { state: 'asking' }
  | { state: 'out' }
  | { state: 'in'; name: string; role: Role; fleet: string; version: string };

type Reply = { signedIn: false } | ({ signedIn: true; csrf: string } & Omit<Session & { state: 'in' }, 'state'>);

let session: Session = { state: 'asking' };
const listeners = new Set<() => void>();

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function take(reply: Reply): void {
  if (!reply.signedIn) {
    become({ state: 'out' });
    return;
  }
  const { csrf, name, role, fleet, version } = reply;
  repeatCsrf(csrf);
  become({ state: 'in', name, role, fleet, version });
}

// The page under the question who it is stays as it was, and with it what somebody was writing.
onSignedOut(() => become({ state: 'out' }));

export const askSession = async (): Promise<void> =>
  take((await send('GET', '/console/session').catch(() => ({ signedIn: false }))) as Reply);

export const signIn = async (token: string): Promise<void> =>
  take((await send('POST', '/console/session', { token })) as Reply);

export const signOut = async (): Promise<void> => take((await send('DELETE', '/console/session')) as Reply);

export function useSession(): Session {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => session,
  );
}

/** Whether who is signed in may do what needs this role. */
export function useMay(role: Exclude<Role, 'viewer'>): boolean {
  const who = useSession();
  return who.state === 'in' && (who.role === role || who.role === 'admin');
}
