import { useMemo, useRef, useState } from 'react';
import { formatDuration } from '../format/time';
import { concurrency, type Scale, type Window } from './scale';
import type { TimelineRow } from './tree';

const TICKS = 5;
/** The concurrency strip is drawn in these units and stretched. */
const UNITS = 1_000;
const STRIP_HEIGHT = 20;
/** A shorter drag is a click that slipped. */
const SHORTEST_DRAG = 0.01;

interface AxisProps {
  readonly rows: readonly TimelineRow[];
  readonly scale: Scale;
  readonly view: Window;
  readonly onSelect: (view: Window) => void;
}

/** The time axis, how much ran at once, and folded silences. Dragging over it zooms in. */
export function Axis({ rows, scale, view, onSelect }: AxisProps) {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const element = useRef<HTMLDivElement>(null);
  const width = view.to - view.from;
  const part = (place: number) => (place - view.from) / width;
  const at = (event: { clientX: number }) => {
    const box = element.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
  };
  const ticks = Array.from({ length: TICKS }, (_, index) => (index + 0.5) / TICKS);
  return (
    <div
      ref={element}
      className="axis"
      onPointerDown={event => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: at(event), to: at(event) });
      }}
      onPointerMove={event => setDrag(before => (before ? { ...before, to: at(event) } : null))}
      onPointerUp={() => {
        if (drag && Math.abs(drag.to - drag.from) > SHORTEST_DRAG) {
          const [low, high] = drag.from < drag.to ? [drag.from, drag.to] : [drag.to, drag.from];
          onSelect({ from: view.from + low * width, to: view.from + high * width });
        }
        setDrag(null);
      }}
      onPointerCancel={() => setDrag(null)}
    >
      <Strip rows={rows} scale={scale} view={view} />
      {scale.gaps
        .filter(gap => gap.to > view.from && gap.from < view.to)
        .map(gap => (
          <span
            key={gap.startMs}
            className="axis-gap"
            title={`Nothing ran for ${formatDuration(gap.endMs - gap.startMs)}`}
            style={{ left: `${part(gap.from) * 100}%`, width: `${((gap.to - gap.from) / width) * 100}%` }}
          />
        ))}
      {ticks.map(tick => (
        <span key={tick} className="axis-tick numbers" style={{ left: `${tick * 100}%` }}>
          {formatDuration(scale.time(view.from + tick * width) - scale.startMs)}
        </span>
      ))}
      {drag && (
        <span
          className="axis-drag"
          style={{
            left: `${Math.min(drag.from, drag.to) * 100}%`,
            width: `${Math.abs(drag.to - drag.from) * 100}%`,
          }}
        />
      )}
    </div>
  );
}

/** How much ran at once. Only what has nothing below it counts: the rest waits for what it called. */
function Strip({ rows, scale, view }: { rows: readonly TimelineRow[]; scale: Scale; view: Window }) {
  const { path, most } = useMemo(() => {
    const steps = concurrency(rows.filter((row, index) => (rows[index + 1]?.depth ?? 0) <= row.depth));
    const highest = Math.max(1, ...steps.map(step => step.count));
    const height = (count: number) => STRIP_HEIGHT - (count / highest) * (STRIP_HEIGHT - 2);
    const points = steps.map(({ ms, count }) => `H${(scale.place(ms) * UNITS).toFixed(2)}V${height(count).toFixed(1)}`);
    return { path: `M0 ${STRIP_HEIGHT}${points.join('')}H${UNITS}V${STRIP_HEIGHT}Z`, most: highest };
  }, [rows, scale]);
  return (
    <svg
      className="axis-strip"
      viewBox={`${view.from * UNITS} 0 ${(view.to - view.from) * UNITS} ${STRIP_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`At most ${most} of them ran at once`}
    >
      <path d={path} />
    </svg>
  );
}
