import { useEffect } from 'react';
import { type ConversationRef, refKey } from '../api/model';
import type { Settings } from '../api/settings';
import { TopBar } from '../list/top-bar';
import { currentAddress, navigate } from '../url/location';
import { type Route, withChange } from '../url/route';
import { ConversationPanel } from './conversation-panel';

interface ConversationPageProps {
  readonly conversation: ConversationRef;
  readonly route: Route;
  readonly settings: Settings;
}

/** A conversation under its own, stable address. */
export function ConversationPage({ conversation, route, settings }: ConversationPageProps) {
  const { id } = conversation;
  const { span } = route;
  useEffect(() => {
    document.title = `${id} · Colloquy`;
  }, [id]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || span === null) return;
      navigate(withChange(currentAddress(), { span: null }), { replace: true });
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [span]);
  return (
    <div className="conversation-page">
      <TopBar />
      <main className={`panel ${span === null ? '' : 'has-span'}`} aria-label="Conversation">
        <ConversationPanel
          key={refKey(conversation)}
          conversation={conversation}
          route={route}
          settings={settings}
          onClose={null}
        />
      </main>
    </div>
  );
}
