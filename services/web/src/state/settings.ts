import { createContext, useContext } from 'react';
import { DEFAULTS, type Settings } from '../api/settings';

/** For what stands too deep in the page to be handed them. */
export const SettingsContext = createContext<Settings>(DEFAULTS);

export function useSettings(): Settings {
  return useContext(SettingsContext);
}
