import { useEffect, useMemo, useRef, useState } from 'react';
import { type ApiError, asApiError, isAbort } from '../api/error';
import { SpanDetail as SpanDetailQuery } from '../api/generated';
import type { ConversationRef, Message, SpanDetail } from '../api/model';
import { request } from '../api/request';
import { traceUrl } from '../api/settings';
import { ErrorText } from '../transcript/error-text';
import { CopyButton } from '../ui/copy-button';
import { Icon } from '../ui/icon';
import { Notice } from '../ui/notice';
import { Attributes } from './attributes';
import { Payload } from './payload';
import { siblings } from './siblings';
import { SpanFacts } from './span-facts';

interface SpanPaneProps {
  readonly conversation: ConversationRef;
  readonly messages: readonly Message[];
  readonly spanId: string;
  readonly traceUrlTemplate: string | null;
  readonly onOpen: (spanId: string) => void;
  readonly onClose: () => void;
}

/** Everything about one span, beside the transcript or the timeline. */
export function SpanPane({ conversation, messages, spanId, traceUrlTemplate, onOpen, onClose }: SpanPaneProps) {
  const { span, error } = useSpan(conversation, spanId);
  const pane = useRef<HTMLElement>(null);
  const related = useMemo(() => siblings(messages, spanId), [messages, spanId]);
  const url = span ? traceUrl(traceUrlTemplate, span.traceId, span.id) : null;
  return (
    <section ref={pane} className="span-pane" aria-label="Span" tabIndex={-1}>
      <header className="span-bar">
        <h2 className="ellipsis" title={span?.name}>
          {span?.name ?? 'Span'}
        </h2>
        {url && (
          <a className="button is-quiet" href={url} target="_blank" rel="noopener noreferrer">
            <Icon name="external" />
            Trace
          </a>
        )}
        {span && <CopyButton label="Copy the span as JSON" text={() => JSON.stringify(span, null, 2)} />}
        <button
          type="button"
          className="button is-quiet is-icon"
          aria-label="Close span"
          title="Close (Esc)"
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      {related.length > 1 && (
        <div className="span-siblings" role="group" aria-label="Spans of this message">
          {related.map(({ id, name }) => (
            <button
              key={id}
              ref={id === spanId ? intoView : null}
              type="button"
              className="button"
              aria-pressed={id === spanId}
              onClick={() => onOpen(id)}
            >
              <span className="ellipsis">{name}</span>
            </button>
          ))}
        </div>
      )}
      <div className="span-body" tabIndex={0} role="group" aria-label="Details">
        {error && (
          <Notice title="The span could not be read" isFailure>
            <p>{error.message}</p>
          </Notice>
        )}
        {span === null && error === null && <p className="muted">Loading …</p>}
        {span && <SpanContent span={span} onOpen={onOpen} />}
      </div>
    </section>
  );
}

/** The strip scrolls sideways where it has no room. */
function intoView(button: HTMLButtonElement | null): void {
  button?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function SpanContent({ span, onOpen }: { span: SpanDetail; onOpen: (spanId: string) => void }) {
  return (
    <>
      {span.error && <ErrorText error={span.error} />}
      <SpanFacts span={span} onOpen={onOpen} />
      <Payload name="Input" value={span.input} missing="Not captured" />
      <Payload name="Output" value={span.output} missing={span.error ? 'None: it failed' : 'Not captured'} />
      <Attributes name="Attributes" attributes={span.attributes} />
      {span.resource !== null && <Attributes name="Resource" attributes={span.resource} />}
    </>
  );
}

function useSpan(
  { project, id }: ConversationRef,
  spanId: string,
): { span: SpanDetail | null; error: ApiError | null } {
  const [state, setState] = useState<{ key: string; span: SpanDetail | null; error: ApiError | null } | null>(null);
  const key = `${project}\u0000${id}\u0000${spanId}`;
  useEffect(() => {
    const abort = new AbortController();
    request(SpanDetailQuery, { project, id, span: spanId }, abort.signal).then(
      ({ conversation }) => {
        const span = conversation?.span ?? null;
        const missing = asApiError([{ message: 'The conversation has no such span; it may have expired.' }]);
        setState({ key, span, error: span ? null : missing });
      },
      (cause: unknown) => {
        if (!isAbort(cause)) setState({ key, span: null, error: asApiError(cause) });
      },
    );
    return () => abort.abort();
  }, [project, id, spanId, key]);
  return state?.key === key ? state : { span: null, error: null };
}
