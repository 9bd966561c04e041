import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark' | 'contrast' | 'contrast-dark';

/** How somebody likes to look at it: kept in this browser, and no part of what is looked at. */
export interface Preferences {
  theme: Theme;
  utc: boolean;
}

const KEY = 'tidemark-preferences';
const DEFAULTS: Preferences = { theme: 'system', utc: true };

function read(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

let preferences = read();
const listeners = new Set<() => void>();
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const systemWantsContrast = matchMedia('(prefers-contrast: more)');

export function applyTheme(): void {
  const { theme } = preferences;
  const dark = theme === 'system' ? systemIsDark.matches : theme === 'dark' || theme === 'contrast-dark';
  const contrast = theme === 'system' ? systemWantsContrast.matches : theme.startsWith('contrast');
  const { classList } = document.documentElement;
  classList.toggle('pf-v6-theme-dark', dark);
  classList.toggle('pf-v6-theme-high-contrast', contrast);
}

for (const media of [systemIsDark, systemWantsContrast]) media.addEventListener('change', applyTheme);

export function prefer(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  localStorage.setItem(KEY, JSON.stringify(preferences));
  applyTheme();
  for (const listener of listeners) listener();
}

export const usePreferences = (): Preferences =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
  );
