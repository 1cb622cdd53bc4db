import { memo } from 'react';
import type { Message } from '../api/model';
import { formatCompact, formatCost, plural } from '../format/number';
import { formatDuration } from '../format/time';
import { CopyButton } from '../ui/copy-button';
import { Folded } from '../ui/folded';
import { Icon } from '../ui/icon';
import { Clock } from '../ui/time';
import { useTranscript } from './actions';
import { ErrorText } from './error-text';
import { Markdown } from './markdown';
import { OtherParts } from './other-parts';
import { Reasoning } from './reasoning';
import { ToolCalls } from './tool-call';

interface MessageRowProps {
  readonly message: Message;
  readonly continues: boolean;
}

const SPEAKERS = { USER: 'User', ASSISTANT: 'Assistant', TOOL: 'Tool result', OTHER: 'Other' } as const;

/** One utterance: who, what was thought, said and called, and what it cost. */
export const MessageRow = memo(function MessageRow({ message, continues }: MessageRowProps) {
  const { openSpan, openSpanId, target } = useTranscript();
  const span = message.spans[0]?.id ?? null;
  const isUser = message.role === 'USER';
  const isOpen = openSpanId !== null && message.spans.some(span => span.id === openSpanId);
  const classes = [
    'message',
    `is-${message.role.toLowerCase()}`,
    message.superseded ? 'is-superseded' : '',
    isOpen ? 'is-selected' : '',
    target === message.id ? 'is-target' : '',
  ];
  return (
    // A click anywhere on what was said opens its span; the keyboard has the button in the meta line for it.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <article
      className={classes.join(' ')}
      id={`m-${message.id}`}
      aria-label={SPEAKERS[message.role]}
      tabIndex={-1}
      onClick={event => {
        if (span !== null && isOnText(event.target)) openSpan(span);
      }}
    >
      {!isUser && !continues && <Speaker message={message} />}
      {message.summary && (
        <p className="summary-note">Given to the model in place of earlier messages that it no longer saw</p>
      )}
      {message.reasoning && <Reasoning text={message.reasoning} />}
      <Body message={message} />
      {message.error && <ErrorText error={message.error} />}
      {message.toolCalls.length > 0 && <ToolCalls calls={message.toolCalls} />}
      <Meta message={message} />
    </article>
  );
});

/** Not on a control within the message, and not at the end of selecting text. */
function isOnText(target: EventTarget): boolean {
  if (!(target instanceof Element) || !target.closest('.bubble')) return false;
  return !target.closest('a, button, input, pre') && (window.getSelection()?.isCollapsed ?? true);
}

function Speaker({ message }: { message: Message }) {
  return (
    <header className="speaker">
      <Icon name={message.role === 'TOOL' ? 'tool' : 'agent'} />
      <span className="speaker-name">
        {message.role === 'ASSISTANT' ? (message.agent ?? SPEAKERS.ASSISTANT) : SPEAKERS[message.role]}
      </span>
      {message.model && <span className="muted">{message.model}</span>}
    </header>
  );
}

function Body({ message }: { message: Message }) {
  const parts = message.parts.filter(part => isShown(part, message.role));
  const isEmpty = message.text === null && parts.length === 0;
  if (!message.contentCaptured && isEmpty) return <NotCaptured message={message} />;
  if (isEmpty) return null;
  return (
    <div className="bubble">
      {message.text !== null && <Folded text={message.text}>{text => <Markdown text={text} />}</Folded>}
      {parts.length > 0 && <OtherParts parts={parts} />}
    </div>
  );
}

/** Text and reasoning stand in their own fields; calls and their results in `toolCalls`, unless the call is unknown. */
function isShown({ type }: Message['parts'][number], role: Message['role']): boolean {
  return type === 'MEDIA' || type === 'OTHER' || (type === 'TOOL_RESULT' && role === 'TOOL');
}

function NotCaptured({ message }: { message: Message }) {
  return (
    <div className="bubble is-uncaptured">
      {message.role === 'USER' ? 'The user said something' : 'The model answered'}; its content was not captured.
    </div>
  );
}

/** Finish reasons that say nothing new are not worth a word. */
const USUAL_FINISH = new Set(['stop', 'end_turn', 'tool_calls', 'tool_use', 'tool-calls', 'completed', 'STOP']);
const CUT_SHORT = new Map([
  ['length', 'cut off at the token limit'],
  ['content_filter', 'stopped by a content filter'],
]);

function Finish({ reason }: { reason: string }) {
  const cut = CUT_SHORT.get(reason);
  if (cut !== undefined) return <span className="tag is-warn">{cut}</span>;
  return USUAL_FINISH.has(reason) ? null : <span>{reason.replaceAll('_', ' ')}</span>;
}

function Meta({ message }: { message: Message }) {
  const { openSpan, openSpanId, messageUrl } = useTranscript();
  const span = message.spans[0]?.id ?? null;
  const isSelected = span !== null && message.spans.some(each => each.id === openSpanId);
  return (
    <footer className="meta numbers">
      <Clock iso={message.timestamp} />
      {message.durationMs !== null && <span>{formatDuration(message.durationMs)}</span>}
      {message.usage && <TokensOf message={message} />}
      {(message.usage || message.cost) && <CostOf message={message} />}
      {message.unseenMessages > 0 && (
        <span className="tag" title="The context was cut, compacted, or began anew: the model was not given these">
          without {plural(message.unseenMessages, 'earlier message')}
        </span>
      )}
      {message.finishReason && <Finish reason={message.finishReason} />}
      <span className="meta-actions">
        {message.text !== null && <CopyButton label="Copy text" text={() => message.text ?? ''} />}
        <LinkButton url={() => messageUrl(message.id)} />
        {span !== null && (
          <button
            type="button"
            className="button is-quiet is-icon span-button"
            aria-label="Details of this message"
            title="Details"
            aria-pressed={isSelected}
            onClick={() => openSpan(span)}
          >
            <Icon name="pane" />
          </button>
        )}
      </span>
    </footer>
  );
}

function LinkButton({ url }: { url: () => string }) {
  return <CopyButton label="Copy link to this message" text={url} icon="link" />;
}

function TokensOf({ message }: { message: Message }) {
  if (!message.usage) return null;
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = message.usage;
  const details = [
    plural(inputTokens, 'input token'),
    ...(cachedInputTokens > 0 ? [`${cachedInputTokens} of them cached`] : []),
    plural(outputTokens, 'output token'),
    ...(reasoningTokens > 0 ? [`${reasoningTokens} of them reasoning`] : []),
  ];
  return (
    <span title={details.join(', ')}>
      {formatCompact(inputTokens)} → {formatCompact(outputTokens)}
      <span className="meta-unit"> tokens</span>
    </span>
  );
}

function CostOf({ message }: { message: Message }) {
  // Never nothing and never 0: what it cost is not known.
  if (!message.cost || message.cost.unpricedCalls > 0)
    return <span title="The model has no known price">unpriced</span>;
  return <span>{formatCost(message.cost.total)}</span>;
}
