import { useCallback, useEffect } from 'react';
import { type ConversationRow, refKey } from '../api/model';
import type { Settings } from '../api/settings';
import { Drawer } from '../conversation/drawer';
import { FirstVisit } from '../start/first-visit';
import { useObservable } from '../state/observable';
import { Notice } from '../ui/notice';
import { formatFilter, isFiltered, NO_FILTER, parseFilter } from '../url/filter';
import { currentAddress, navigate, useAddress } from '../url/location';
import { type Route, withChange } from '../url/route';
import { ConversationList } from './conversation-list';
import { FilterBar } from './filter-bar';
import type { ListStore } from './list-store';
import { SearchBox } from './search-box';
import { searchReach } from './search-reach';
import { TopBar } from './top-bar';
import { useList } from './use-list';
import { isElsewhere } from './use-list-keys';

interface ListPageProps {
  readonly route: Route;
  readonly settings: Settings;
}

/** The list of conversations, with one of them in the drawer when the address says so. */
export function ListPage({ route, settings }: ListPageProps) {
  const { path, search } = useAddress();
  const filter = parseFilter(search);
  const store = useList(filter);
  const setFilter = (next: typeof filter, replace = false) => {
    const query = formatFilter(search, next);
    navigate(query === '' ? path : `${path}?${query}`, { replace });
  };
  const open = useCallback((row: ConversationRow) => {
    const { project, id } = row;
    navigate(withChange(currentAddress(), { open: { project, id } }));
  }, []);
  const close = useCallback(() => navigate(withChange(currentAddress(), { open: null })), []);
  useEscape(route, close);
  useEffect(() => {
    document.title = 'Conversations · Colloquy';
  }, []);

  return (
    <div className="list-page">
      <TopBar graphiqlUrl={settings.graphiqlUrl}>
        <SearchBox search={filter.search} onChange={text => setFilter({ ...filter, search: text }, true)} />
      </TopBar>
      <main className="list-main">
        <h1 className="visually-hidden">Conversations</h1>
        <FilterBar filter={filter} onChange={next => setFilter(next)} />
        <ListBody
          store={store}
          isFiltered={isFiltered(filter)}
          isSearch={filter.search.trim() !== ''}
          openKey={route.open ? refKey(route.open) : null}
          onOpen={open}
          onClear={() => setFilter(NO_FILTER)}
        />
      </main>
      {route.open && <Drawer conversation={route.open} route={route} settings={settings} onClose={close} />}
    </div>
  );
}

/** Escape closes one thing at a time: the span's pane, then the drawer. */
function useEscape(route: Route, close: () => void): void {
  const { span, open } = route;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || open === null) return;
      if (isElsewhere(event.target) && (event.target as Element).closest('input, .popover')) return;
      if (span !== null) navigate(withChange(currentAddress(), { span: null }), { replace: true });
      else close();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [span, open, close]);
}

interface ListBodyProps {
  readonly store: ListStore;
  readonly isFiltered: boolean;
  readonly isSearch: boolean;
  readonly openKey: string | null;
  readonly onOpen: (row: ConversationRow) => void;
  readonly onClear: () => void;
}

function ListBody({ store, isFiltered: filtered, isSearch, openKey, onOpen, onClear }: ListBodyProps) {
  const { list, status, error } = useObservable(store.view);
  const isEmpty = list.order.length === 0;
  if (status === 'error' && isEmpty) {
    return (
      <Notice title="The conversations could not be read" isFailure>
        <p>{error?.message}</p>
        <button type="button" className="button" onClick={() => void store.reload()}>
          Try again
        </button>
      </Notice>
    );
  }
  if (status === 'loading' && isEmpty) {
    return <ListSkeleton label={isSearch ? searchReach(list) : null} />;
  }
  if (isEmpty && list.waiting.size === 0) {
    if (!filtered && list.after === null) return <FirstVisit />;
    return (
      <Notice title="No conversation matches">
        <p>New ones that match appear here by themselves.</p>
        {list.after !== null && (
          <p>
            It {searchReach(list)}.{' '}
            <button type="button" className="link-button" onClick={() => void store.loadMore()}>
              Search further back
            </button>
          </p>
        )}
        <button type="button" className="button" onClick={onClear}>
          Clear all filters
        </button>
      </Notice>
    );
  }
  return (
    <>
      {error && (
        <div className="banner is-error" role="alert">
          <span>{error.message}</span>
          <button type="button" className="link-button" onClick={() => void store.reload()}>
            Try again
          </button>
        </div>
      )}
      <ConversationList store={store} openKey={openKey} isSearch={isSearch} onOpen={onOpen} />
    </>
  );
}

/** Of titles, which differ; an even stack of bars would look like a table of something. */
const SKELETON_WIDTHS = [310, 280, 340, 190, 260, 230, 320, 210, 290, 250, 330, 200, 270, 300, 220];

function ListSkeleton({ label }: { label: string | null }) {
  return (
    <div className="list-skeleton" role="status" aria-label={label ?? 'Loading conversations'}>
      {label && <p className="muted">{label}</p>}
      {SKELETON_WIDTHS.map(width => (
        <div key={width} className="skeleton-row">
          <div className="skeleton" style={{ width }} />
          <div className="skeleton" style={{ width: width * 0.6 }} />
        </div>
      ))}
    </div>
  );
}
