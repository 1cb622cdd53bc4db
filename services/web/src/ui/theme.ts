import { Observable } from '../state/observable';

export type Theme = 'light' | 'dark';

const STORAGE_KEY = 'colloquy.theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    // Storage may be forbidden; the choice then lasts until the page is left.
    return null;
  }
}

let chosen = stored();

function current(): Theme {
  return chosen ?? (system.matches ? 'dark' : 'light');
}

export const theme = new Observable<Theme>(current());

function apply(): void {
  theme.set(current());
  document.documentElement.dataset.theme = theme.get();
}

system.addEventListener('change', apply);
apply();

/** The other theme; choosing what the system has anyway goes back to following it. */
export function toggleTheme(): void {
  const next: Theme = theme.get() === 'dark' ? 'light' : 'dark';
  chosen = next === (system.matches ? 'dark' : 'light') ? null : next;
  try {
    if (chosen === null) localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, chosen);
  } catch {
    // See above.
  }
  apply();
}
