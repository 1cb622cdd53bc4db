import { type MouseEvent, memo, useEffect, useRef } from 'react';
import type { ConversationRow } from '../api/model';
import { formatCompact, formatCost, formatCount, plural } from '../format/number';
import { preview, shortId, userName } from '../format/text';
import { formatDuration } from '../format/time';
import { Ago } from '../ui/time';
import { conversationPath } from '../url/route';

/** One name in full says more than two that are cut. */
const TOOLS_SHOWN = 1;

interface RowProps {
  readonly row: ConversationRow;
  readonly index: number;
  readonly top: number;
  readonly isSelected: boolean;
  /** Whether the selection came from the keyboard, which the focus then follows. */
  readonly takesFocus: boolean;
  readonly isGone: boolean;
  readonly onOpen: (event: MouseEvent, row: ConversationRow) => void;
}

/** One conversation. A click anywhere opens it; the link in it is for the keyboard, new tabs and screen readers. */
export const Row = memo(function Row({ row, index, top, isSelected, takesFocus, isGone, onOpen }: RowProps) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (takesFocus) link.current?.focus({ preventScroll: true });
  }, [takesFocus]);
  const user = userName(row.user);
  const input = preview(row.firstInput);
  const output = preview(row.lastOutput);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the link within is what the keyboard uses
    <div
      className={`row ${isSelected ? 'is-selected' : ''} ${isGone ? 'is-gone' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      tabIndex={-1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={event => onOpen(event, row)}
    >
      <div role="cell" className="cell-conversation">
        <StatusDot row={row} />
        <div className="row-lines">
          <a
            ref={link}
            className={`row-link ellipsis ${input ? '' : 'is-placeholder'}`}
            href={conversationPath(row)}
            aria-current={isSelected ? 'true' : undefined}
          >
            {input ?? 'Content not captured'}
          </a>
          <div className="row-sub ellipsis">
            <span className="mono" title={row.id}>
              {shortId(row.id)}
            </span>
            {user && (
              <>
                <Separator />
                <span title={user}>{user}</span>
              </>
            )}
            <Separator />
            <span>{row.project}</span>
          </div>
        </div>
      </div>
      <div role="cell" className="cell-output">
        <span className="clamp-2">{output ?? <Nothing meaning="no answer" />}</span>
      </div>
      <div role="cell" className="cell-number" data-label="LLM calls">
        {formatCount(row.llmCalls)}
        <span className="unit">{row.llmCalls === 1 ? ' call' : ' calls'}</span>
      </div>
      <div role="cell" className="cell-tools" data-label="Tools">
        <Tools row={row} />
      </div>
      <div role="cell" className="cell-number" data-label="Errors">
        {row.errors > 0 ? (
          <span className="tag is-error">
            {formatCount(row.errors)}
            <span className="unit">{row.errors === 1 ? 'error' : 'errors'}</span>
          </span>
        ) : (
          <Nothing meaning="0" />
        )}
      </div>
      <div role="cell" className="cell-number" data-label="Tokens" title={plural(row.usage.totalTokens, 'token')}>
        {formatCompact(row.usage.totalTokens)}
        <span className="unit"> tokens</span>
      </div>
      <div role="cell" className="cell-number" data-label="Cost">
        <CostCell row={row} />
      </div>
      <div role="cell" className="cell-number" data-label="Duration">
        {formatDuration(row.durationMs)}
      </div>
      <div role="cell" className="cell-number cell-activity" data-label="Last activity">
        <Ago iso={row.lastActivityAt} />
      </div>
    </div>
  );
});

function Separator() {
  return <span aria-hidden="true"> · </span>;
}

/** A dash for the eye, a word for the ear. */
function Nothing({ meaning }: { meaning: string }) {
  return (
    <>
      <span className="muted" aria-hidden="true">
        –
      </span>
      <span className="visually-hidden">{meaning}</span>
    </>
  );
}

function StatusDot({ row }: { row: ConversationRow }) {
  const label = row.status === 'OPEN' ? 'Open' : 'Finalised';
  return (
    <span className={`dot ${row.status === 'OPEN' ? 'is-live' : ''}`} title={label}>
      <span className="visually-hidden">{label}</span>
    </span>
  );
}

function Tools({ row }: { row: ConversationRow }) {
  if (row.toolCalls === 0) return <Nothing meaning="none" />;
  const shown = row.tools.slice(0, TOOLS_SHOWN);
  const hidden = row.tools.length - shown.length;
  return (
    <span className="row-tools" title={row.tools.join(', ')}>
      <span className="numbers">{formatCount(row.toolCalls)}</span>
      {shown.map(tool => (
        <span key={tool} className="tag ellipsis">
          {tool}
        </span>
      ))}
      {hidden > 0 && <span className="tag">+{hidden}</span>}
    </span>
  );
}

function CostCell({ row }: { row: ConversationRow }) {
  const { total, unpricedCalls } = row.cost;
  if (unpricedCalls === 0) return formatCost(total);
  const explanation = `${plural(unpricedCalls, 'call')} of a model without a known price: not in this sum`;
  if (total === 0) {
    return (
      <span className="muted" title={explanation}>
        unpriced
      </span>
    );
  }
  return <span title={explanation}>{formatCost(total)}+</span>;
}
