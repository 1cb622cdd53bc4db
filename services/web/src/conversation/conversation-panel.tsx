import { useCallback, useMemo, useState } from 'react';
import type { ConversationRef, Message } from '../api/model';
import type { Settings } from '../api/settings';
import { title } from '../format/text';
import { SpanPane } from '../span/span-pane';
import { useObservable } from '../state/observable';
import { Timeline } from '../timeline/timeline';
import { FindBar } from '../transcript/find-bar';
import { Transcript } from '../transcript/transcript';
import { Notice } from '../ui/notice';
import { currentAddress, navigate } from '../url/location';
import { conversationPath, messageHash, type Route, withChange } from '../url/route';
import { CaptureNote, MissingNote, OmittedNote } from './capture-note';
import { Head } from './head';
import { PanelBar } from './panel-bar';
import { PanelTools } from './panel-tools';
import { useConversation } from './use-conversation';

interface ConversationPanelProps {
  readonly conversation: ConversationRef;
  readonly route: Route;
  readonly settings: Settings;
  /** In the drawer: closes it. On a page of its own there is nothing to close. */
  readonly onClose: (() => void) | null;
}

/** One conversation: head, transcript or timeline, and the pane of the span that was clicked. */
export function ConversationPanel({ conversation, route, settings, onClose }: ConversationPanelProps) {
  const store = useConversation(conversation);
  const { status, error, head, transcript } = useObservable(store.view);
  const messages = useMemo(
    () => transcript.order.map(id => transcript.messages.get(id)).filter(message => message !== undefined),
    [transcript.order, transcript.messages],
  );
  const openSpan = useCallback(
    (span: string | null) => navigate(withChange(currentAddress(), { span }), { replace: true }),
    [],
  );
  const messageUrl = useCallback(
    (id: string) => `${window.location.origin}${conversationPath(conversation)}${messageHash(id)}`,
    [conversation],
  );

  if (status === 'missing' || head === null) {
    return (
      <>
        <PanelBar title={conversation.id} conversation={conversation} head={null} onClose={onClose} />
        {status === 'missing' && (
          <Notice title="No such conversation">
            <p>It may have expired, or the project “{conversation.project}” may not be open to you.</p>
          </Notice>
        )}
        {status === 'error' && (
          <Notice title="The conversation could not be read" isFailure>
            <p>{error?.message}</p>
            <button type="button" className="button" onClick={() => void store.open()}>
              Try again
            </button>
          </Notice>
        )}
        {status === 'loading' && <PanelSkeleton />}
      </>
    );
  }

  return (
    <>
      <PanelBar title={title(head)} conversation={conversation} head={head} onClose={onClose} />
      <Head head={head} traceUrlTemplate={settings.traceUrlTemplate} />
      <PanelTools store={store} head={head} messages={messages} tab={route.tab} isReading={transcript.after !== null} />
      {status === 'error' && (
        <div className="banner is-error" role="alert">
          <span>{error?.message}</span>
          <button type="button" className="link-button" onClick={() => void store.open()}>
            Try again
          </button>
        </div>
      )}
      <OmittedNote head={head} />
      <MissingNote head={head} />
      <CaptureNote messages={messages} />
      <div className="panel-body">
        <div className="panel-main" role="tabpanel" aria-label={route.tab === 'timeline' ? 'Timeline' : 'Transcript'}>
          {route.tab === 'timeline' ? (
            <Timeline conversation={conversation} head={head} openSpanId={route.span} openSpan={openSpan} />
          ) : (
            <TranscriptTab
              messages={messages}
              isReading={transcript.after !== null}
              messageCount={head.messageCount}
              route={route}
              openSpan={openSpan}
              messageUrl={messageUrl}
            />
          )}
        </div>
        {route.span !== null && (
          <SpanPane
            conversation={conversation}
            messages={messages}
            spanId={route.span}
            traceUrlTemplate={settings.traceUrlTemplate}
            onOpen={openSpan}
            onClose={() => openSpan(null)}
          />
        )}
      </div>
    </>
  );
}

interface TranscriptTabProps {
  readonly messages: readonly Message[];
  readonly isReading: boolean;
  readonly messageCount: number;
  readonly route: Route;
  readonly openSpan: (span: string) => void;
  readonly messageUrl: (id: string) => string;
}

function TranscriptTab({ messages, isReading, messageCount, route, openSpan, messageUrl }: TranscriptTabProps) {
  const [found, setFound] = useState<string | null>(null);
  if (messages.length === 0) {
    return (
      <Notice title="No messages">
        <p>This conversation has spans, but none of them is a call to a model. The timeline shows them.</p>
      </Notice>
    );
  }
  return (
    <>
      <FindBar messages={messages} unread={isReading ? messageCount - messages.length : 0} onTarget={setFound} />
      <Transcript
        messages={messages}
        isReading={isReading}
        target={found ?? route.message}
        openSpanId={route.span}
        openSpan={openSpan}
        messageUrl={messageUrl}
      />
    </>
  );
}

function PanelSkeleton() {
  return (
    <div className="panel-skeleton" role="status" aria-label="Loading the conversation">
      {[60, 85, 40, 72, 55].map(width => (
        <div key={width} className="skeleton" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
