import { useState } from 'react';
import type { ToolCall } from '../api/model';
import { formatDuration } from '../format/time';
import { Icon } from '../ui/icon';
import { Json, jsonPreview } from '../ui/json';
import { useTranscript } from './actions';
import { ErrorText } from './error-text';

/** So many parallel calls are shown at once; the rest on demand. */
const SHOWN_MAX = 6;

const STATUS = { OK: 'succeeded', ERROR: 'failed' } as const;

/** What a call without a result waits for. */
const waitFor = (call: ToolCall) => (call.abandoned ? 'abandoned' : 'no result yet');

export function ToolCalls({ calls }: { calls: readonly ToolCall[] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? calls : calls.slice(0, SHOWN_MAX);
  const hidden = calls.length - shown.length;
  const failed = calls.slice(SHOWN_MAX).filter(call => call.status === 'ERROR').length;
  return (
    <ul className="tool-calls" aria-label="Tool calls">
      {shown.map((call, index) => (
        // Ids come from the model and may repeat.
        // biome-ignore lint/suspicious/noArrayIndexKey: calls of a message only ever grow at the end
        <ToolCallRow key={`${call.id}-${index}`} call={call} />
      ))}
      {hidden > 0 && (
        <li>
          <button type="button" className="link-button" onClick={() => setWhole(true)}>
            Show {hidden} more tool calls{failed > 0 ? `, ${failed} of them failed` : ''}
          </button>
        </li>
      )}
    </ul>
  );
}

function ToolCallRow({ call }: { call: ToolCall }) {
  const [isOpen, setOpen] = useState(false);
  const { openSpan, openSpanId } = useTranscript();
  const span = call.span?.id ?? null;
  const isSelected = span !== null && span === openSpanId;
  return (
    <li className={`tool-call is-${call.status.toLowerCase()} ${isSelected ? 'is-selected' : ''}`}>
      <div className="tool-line">
        <button type="button" className="tool-summary" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? 'down' : 'right'} />
          <Icon name={call.status === 'ERROR' ? 'alert' : 'tool'} />
          <span className="tool-name mono">{call.name}</span>
          <span className="visually-hidden">{call.status === 'PENDING' ? waitFor(call) : STATUS[call.status]}</span>
          <span className="tool-preview ellipsis">
            {call.status === 'ERROR' ? (call.error?.message ?? 'failed') : jsonPreview(call.arguments)}
          </span>
        </button>
        {call.status === 'PENDING' && <span className="tag">{waitFor(call)}</span>}
        {call.durationMs !== null && <span className="muted numbers">{formatDuration(call.durationMs)}</span>}
        {span !== null && (
          <button
            type="button"
            className="button is-quiet is-icon span-button"
            aria-label={`Details of ${call.name}`}
            title="Details"
            aria-pressed={isSelected}
            onClick={() => openSpan(span)}
          >
            <Icon name="pane" />
          </button>
        )}
      </div>
      {isOpen && (
        <div className="tool-body">
          <p className="tool-part">Arguments</p>
          {call.arguments === null ? (
            <p className="muted">Not captured</p>
          ) : (
            <Json value={call.arguments} label="Arguments" />
          )}
          <p className="tool-part">{call.status === 'ERROR' ? 'Error' : 'Result'}</p>
          {call.error && <ErrorText error={call.error} />}
          {call.result !== null && <Json value={call.result} label="Result" />}
          {call.result === null && !call.error && (
            <p className="muted">
              {call.status === 'PENDING'
                ? call.abandoned
                  ? 'The conversation went on without its result'
                  : 'No result has arrived yet'
                : 'Not captured'}
            </p>
          )}
        </div>
      )}
    </li>
  );
}
