import { type CSSProperties, memo } from 'react';
import { formatDuration, formatUtc } from '../format/time';
import { Icon, type IconName } from '../ui/icon';
import type { Scale, Window } from './scale';
import { type BarKind, barKind, barName, type TimelineRow } from './tree';

const ICONS: Record<BarKind, IconName> = { agent: 'agent', chat: 'thought', tool: 'tool', other: 'dot' };
const WORDS: Record<BarKind, string> = { agent: 'Agent', chat: 'LLM call', tool: 'Tool', other: 'Span' };
const DEPTH_MAX = 10;

interface BarProps {
  readonly row: TimelineRow;
  readonly top: number;
  readonly scale: Scale;
  readonly view: Window;
  readonly isSelected: boolean;
  readonly onOpen: (spanId: string) => void;
}

/** One span: its name at the left, its time as a bar. */
export const Bar = memo(function Bar({ row, top, scale, view, isSelected, onOpen }: BarProps) {
  const { span, depth } = row;
  const kind = barKind(span);
  const width = view.to - view.from;
  const left = (scale.place(row.startMs) - view.from) / width;
  const right = (scale.place(row.endMs) - view.from) / width;
  const isSeen = right >= 0 && left <= 1;
  const from = Math.max(0, left);
  const to = Math.min(1, right);
  const duration = formatDuration(span.durationMs);
  const facts = `${WORDS[kind]} ${barName(span)}, ${duration}${span.error ? ', failed' : ''}`;
  return (
    <li className="timeline-item" style={{ transform: `translateY(${top}px)` }}>
      <button
        type="button"
        className={`timeline-row is-${kind} ${span.error ? 'is-error' : ''} ${isSelected ? 'is-selected' : ''}`}
        aria-pressed={isSelected}
        title={`${facts}\n${span.name}\n${formatUtc(span.startedAt)}${span.error?.message ? `\n${span.error.message}` : ''}`}
        onClick={() => onOpen(span.id)}
        onKeyDown={event => {
          if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
          event.preventDefault();
          const item = event.currentTarget.parentElement;
          const next = event.key === 'ArrowDown' ? item?.nextElementSibling : item?.previousElementSibling;
          next?.querySelector('button')?.focus();
        }}
      >
        <span className="timeline-name" style={{ '--depth': Math.min(depth, DEPTH_MAX) } as CSSProperties}>
          <Icon name={span.error ? 'alert' : ICONS[kind]} />
          <span className="visually-hidden">{`${WORDS[kind]}${span.error ? ', failed' : ''} `}</span>
          <span className="ellipsis">{barName(span)}</span>
        </span>
        <span className="timeline-track">
          {isSeen ? (
            <>
              <span className="timeline-bar" style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }} />
              <span className="timeline-duration numbers" style={{ left: `${to * 100}%` }}>
                {duration}
              </span>
            </>
          ) : (
            <span className={`timeline-away ${right < 0 ? '' : 'is-after'}`} aria-hidden="true">
              {right < 0 ? '‹' : '›'}
            </span>
          )}
        </span>
      </button>
    </li>
  );
});
