import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Message } from '../api/model';
import { formatCount } from '../format/number';
import { formatDay } from '../format/time';
import { Icon } from '../ui/icon';
import { type TranscriptActions, TranscriptContext } from './actions';
import { SupersededRow, ThreadRow } from './fold-rows';
import { foldsAround, layout, NOTHING_FOLDED, opened, type TranscriptRow, toggled } from './layout';
import { MessageRow } from './message-row';
import { useFollowing } from './use-following';

/** A typical message; the real height is measured when it is drawn. */
const ESTIMATED_PX = 116;
const ESTIMATED_FOLD_PX = 44;

interface TranscriptProps {
  readonly messages: readonly Message[];
  /** Whether pages are still being read. */
  readonly isReading: boolean;
  readonly target: string | null;
  readonly openSpanId: string | null;
  readonly openSpan: (spanId: string) => void;
  readonly messageUrl: (id: string) => string;
}

/** The conversation as a chat. Only what is in view is in the document. */
export function Transcript({ messages, isReading, target, openSpanId, openSpan, messageUrl }: TranscriptProps) {
  const [folding, setFolding] = useState(NOTHING_FOLDED);
  const rows = useMemo(() => layout(messages, folding), [messages, folding]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => (rows[index]?.kind === 'message' ? ESTIMATED_PX : ESTIMATED_FOLD_PX),
    getItemKey: index => rows[index]?.key ?? index,
    overscan: 8,
    paddingStart: 16,
    paddingEnd: 32,
  });
  const following = useFollowing(scroller, rows, messages, isReading);

  useTarget(
    target,
    messages,
    rows,
    keys => setFolding(before => opened(before, keys)),
    index => virtualizer.scrollToIndex(index, { align: 'start' }),
  );

  const actions = useMemo<TranscriptActions>(
    () => ({
      openSpan,
      openSpanId,
      messageUrl,
      target,
      toggle: (key, expanded) => setFolding(before => toggled(before, key, expanded)),
    }),
    [openSpan, openSpanId, messageUrl, target],
  );

  return (
    <TranscriptContext value={actions}>
      <div className="transcript">
        <div
          ref={scroller}
          className="transcript-scroller"
          tabIndex={0}
          role="log"
          aria-label="Transcript"
          aria-live="off"
        >
          <div className="transcript-canvas" style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map(item => {
              const row = rows[item.index];
              if (!row) return null;
              return (
                <div
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  className="transcript-item"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <div className={`transcript-row ${row.depth > 0 ? 'is-nested' : ''} depth-${Math.min(row.depth, 4)}`}>
                    <RowContent row={row} />
                  </div>
                </div>
              );
            })}
          </div>
        </div>
        {following.below > 0 && (
          <div className="below-pill">
            <button type="button" className="pill" onClick={following.follow}>
              <Icon name="down" />
              {formatCount(following.below)} new below
            </button>
          </div>
        )}
        <div className="visually-hidden" role="status">
          {following.below > 0 ? `${following.below} new messages below` : ''}
        </div>
      </div>
    </TranscriptContext>
  );
}

function RowContent({ row }: { row: TranscriptRow }) {
  switch (row.kind) {
    case 'message':
      return <MessageRow message={row.message} continues={row.continues} />;
    case 'thread':
      return <ThreadRow rowKey={row.key} messages={row.messages} expanded={row.expanded} />;
    case 'superseded':
      return <SupersededRow rowKey={row.key} messages={row.messages} expanded={row.expanded} />;
    case 'day':
      return <div className="day-row">{formatDay(row.timestamp, Date.now())}</div>;
  }
}

/** Goes to the message that the address names, once it is read, opening what folds it away. */
function useTarget(
  target: string | null,
  messages: readonly Message[],
  rows: readonly TranscriptRow[],
  open: (keys: readonly string[]) => void,
  scrollTo: (index: number) => void,
): void {
  const reached = useRef<string | null>(null);
  useEffect(() => {
    if (target === null || reached.current === target) return;
    if (!messages.some(message => message.id === target)) return;
    const index = rows.findIndex(row => row.kind === 'message' && row.key === target);
    if (index === -1) {
      open(foldsAround(messages, target));
      return;
    }
    reached.current = target;
    scrollTo(index);
    // Heights above are estimates until drawn; a second look after they are measured lands exactly.
    requestAnimationFrame(() => scrollTo(index));
  }, [target, messages, rows, open, scrollTo]);
}
