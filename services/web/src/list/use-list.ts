import { useEffect, useMemo } from 'react';
import { type Filter, formatFilter, parseFilter } from '../url/filter';
import { ListStore } from './list-store';

/** The store of the list with this filter; another filter is another list. */
export function useList(filter: Filter): ListStore {
  const address = formatFilter('', filter);
  const store = useMemo(() => new ListStore(parseFilter(address)), [address]);
  useEffect(() => {
    store.start();
    return () => store.close();
  }, [store]);
  return store;
}
