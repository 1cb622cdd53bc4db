import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ConversationHead, ConversationRef } from '../api/model';
import { plural } from '../format/number';
import { useObservable } from '../state/observable';
import { Notice } from '../ui/notice';
import { Axis } from './axis';
import { Bar } from './bar';
import { makeScale, WHOLE, type Window, zoomed } from './scale';
import { SpanStore, type Spans } from './span-store';
import { TimelineTools } from './timeline-tools';
import { nest } from './tree';
import { useZoom } from './use-zoom';

/** Height of a row in timeline.css. */
const ROW_PX = 28;

interface TimelineProps {
  readonly conversation: ConversationRef;
  readonly head: ConversationHead;
  readonly openSpanId: string | null;
  readonly openSpan: (spanId: string) => void;
}

/** When what ran: a waterfall of agents, calls and tools. */
export function Timeline({ conversation, head, openSpanId, openSpan }: TimelineProps) {
  const { spans, isReading, isCut, error } = useSpans(conversation, head);
  const [foldGaps, setFoldGaps] = useState(true);
  const [view, setView] = useState<Window>(WHOLE);
  const rows = useMemo(() => nest(spans), [spans]);
  const folded = useMemo(() => makeScale(rows, true), [rows]);
  const scale = useMemo(() => (foldGaps ? folded : makeScale(rows, false)), [rows, foldGaps, folded]);
  const scroller = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
    getItemKey: index => rows[index]?.span.id ?? index,
  });
  useZoom(scroller, plot, view, setView);

  if (rows.length === 0) {
    if (error) {
      return (
        <Notice title="The spans could not be read" isFailure>
          <p>{error.message}</p>
        </Notice>
      );
    }
    return <Notice title={isReading ? 'Reading spans …' : 'No spans'} />;
  }
  const middle = (view.from + view.to) / 2;
  return (
    <div className="timeline">
      <TimelineTools
        isZoomed={view.to - view.from < 1}
        hasGaps={folded.gaps.length > 0}
        foldGaps={foldGaps}
        onFoldGaps={fold => {
          setFoldGaps(fold);
          setView(WHOLE);
        }}
        onZoom={factor => setView(zoomed(view, middle, factor))}
        onFit={() => setView(WHOLE)}
      />
      <div className="timeline-head">
        <div className="timeline-names muted">{plural(rows.length, 'span')}</div>
        <div ref={plot} className="timeline-plot">
          <Axis rows={rows} scale={scale} view={view} onSelect={setView} />
        </div>
      </div>
      {isCut && <div className="banner">Only the first {rows.length} spans are shown.</div>}
      <div ref={scroller} className="timeline-scroller" tabIndex={0} role="group" aria-label="Spans by time">
        <ul className="timeline-canvas" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(item => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <Bar
                key={item.key}
                row={row}
                top={item.start}
                scale={scale}
                view={view}
                isSelected={row.span.id === openSpanId}
                onOpen={openSpan}
              />
            );
          })}
        </ul>
      </div>
    </div>
  );
}

/** The conversation's spans; they are read again when its totals say that some arrived. */
function useSpans({ project, id }: ConversationRef, head: ConversationHead): Spans {
  const store = useMemo(() => new SpanStore({ project, id }), [project, id]);
  const version = [head.lastActivityAt, head.llmCalls, head.toolCalls, head.errors, head.usage.totalTokens].join(' ');
  useEffect(() => () => store.close(), [store]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for the spans
  useEffect(() => store.refresh(), [store, version]);
  return useObservable(store.view);
}
