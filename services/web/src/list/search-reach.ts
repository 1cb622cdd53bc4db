import { formatDay, formatMinute } from '../format/time';
import type { ListState } from './list-state';

/** How far a search came, in words: there is no index of words, so far-off matches take their time. */
export function searchReach({ after, lookedBackTo }: Pick<ListState, 'after' | 'lookedBackTo'>): string {
  if (after === null) return 'searched everything';
  if (lookedBackTo === null) return 'searching';
  return `searched back to ${formatDay(lookedBackTo, Date.now())}, ${formatMinute(lookedBackTo)}`;
}
