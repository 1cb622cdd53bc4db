import { useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { type ConversationRow, refKey } from '../api/model';
import { formatCount } from '../format/number';
import { useObservable } from '../state/observable';
import { Icon } from '../ui/icon';
import { isPlainClick } from '../url/location';
import type { ListStore } from './list-store';
import { Row } from './row';
import { searchReach } from './search-reach';
import { useListKeys } from './use-list-keys';

/** Heights in list.css; rows of one height need no measuring. */
const WIDE_ROW_PX = 58;
const NARROW_ROW_PX = 104;
const NARROW_LIST_PX = 720;
/** The next page is asked for when this few rows are left below. */
const AHEAD_ROWS = 25;

interface ConversationListProps {
  readonly store: ListStore;
  readonly openKey: string | null;
  readonly isSearch: boolean;
  readonly onOpen: (row: ConversationRow) => void;
}

const COLUMNS = [
  'Conversation',
  'Last output',
  'LLM calls',
  'Tools',
  'Errors',
  'Tokens',
  'Cost',
  'Duration',
  'Activity',
];

/** The rows, newest activity first, live. */
export function ConversationList({ store, openKey, isSearch, onOpen }: ConversationListProps) {
  const { list, loadingMore } = useObservable(store.view);
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight(scroller);
  const virtualizer = useVirtualizer({
    count: list.order.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: index => list.order[index] ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes depend on the height alone
  useEffect(() => virtualizer.measure(), [rowHeight]);

  const selection = useListKeys(list.order, openKey, index => virtualizer.scrollToIndex(index), store);
  useHolding(store, scroller);

  const items = virtualizer.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (list.after !== null && lastIndex >= list.order.length - AHEAD_ROWS) void store.loadMore();
  }, [store, lastIndex, list.after, list.order.length]);

  const { select } = selection;
  const open = useCallback(
    (event: MouseEvent, row: ConversationRow) => {
      if (!isPlainClick(event)) return;
      event.preventDefault();
      select(refKey(row));
      onOpen(row);
    },
    [onOpen, select],
  );

  return (
    <section className="list" aria-label="Conversations">
      <NewPill store={store} scroller={scroller} />
      <div className="list-table" role="table" aria-label="Conversations" aria-rowcount={-1}>
        <div role="rowgroup" className="list-header">
          <div className="row-header" role="row" aria-rowindex={1} tabIndex={-1}>
            {COLUMNS.map(name => (
              <div key={name} role="columnheader" tabIndex={-1}>
                {name}
              </div>
            ))}
          </div>
        </div>
        <div ref={scroller} className="list-scroller" role="rowgroup" tabIndex={0}>
          <div className="list-canvas" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
            {items.map(item => {
              const key = list.order[item.index] ?? '';
              const row = list.rows.get(key);
              if (!row) return null;
              return (
                <Row
                  key={key}
                  row={row}
                  index={item.index}
                  top={item.start}
                  isSelected={selection.key === key || openKey === key}
                  takesFocus={selection.takesFocus && selection.key === key}
                  isGone={list.gone.has(key)}
                  onOpen={open}
                />
              );
            })}
          </div>
        </div>
      </div>
      <ListFoot store={store} isSearch={isSearch} loadingMore={loadingMore} />
    </section>
  );
}

function useRowHeight(scroller: RefObject<HTMLDivElement | null>): number {
  const [isNarrow, setNarrow] = useState(() => window.innerWidth < NARROW_LIST_PX);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setNarrow(element.clientWidth < NARROW_LIST_PX));
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);
  return isNarrow ? NARROW_ROW_PX : WIDE_ROW_PX;
}

/** Rows keep their places while the reader is among them: scrolled down, or pointing at one. */
function useHolding(store: ListStore, scroller: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let isOver = false;
    const tell = () => store.hold(isOver || element.scrollTop > 0);
    const enter = (event: PointerEvent) => {
      // A finger does not hover: its last touch would hold the list for ever.
      isOver = event.pointerType === 'mouse';
      tell();
    };
    const leave = () => {
      isOver = false;
      tell();
    };
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('scroll', tell, { passive: true });
    tell();
    return () => {
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('scroll', tell);
    };
  }, [store, scroller]);
}

function NewPill({ store, scroller }: { store: ListStore; scroller: RefObject<HTMLDivElement | null> }) {
  const { list } = useObservable(store.view);
  const count = list.waiting.size;
  const label = list.stale ? 'Many changes: read the list anew' : count > 0 ? `${formatCount(count)} new` : null;
  return (
    <div className="new-pill" aria-live="polite">
      {label && (
        <button
          type="button"
          className="pill"
          onClick={() => {
            store.settle();
            scroller.current?.scrollTo({ top: 0 });
          }}
        >
          <Icon name="up" />
          {label}
        </button>
      )}
    </div>
  );
}

function ListFoot({ store, isSearch, loadingMore }: { store: ListStore; isSearch: boolean; loadingMore: boolean }) {
  const { list } = useObservable(store.view);
  const count = list.order.length;
  const more = list.after !== null;
  const found = `${formatCount(count)}${more ? '+' : ''} ${count === 1 ? 'conversation' : 'conversations'}`;
  return (
    <footer className="list-foot">
      <span aria-live="polite">{isSearch ? `${found}, ${searchReach(list)}` : found}</span>
      {loadingMore && <span>Loading more …</span>}
      {more && !loadingMore && (
        <button type="button" className="link-button" onClick={() => void store.loadMore()}>
          {isSearch ? 'Search further back' : 'Load more'}
        </button>
      )}
    </footer>
  );
}
