import { useEffect, useRef } from 'react';
import { type ConversationRef, refKey } from '../api/model';
import type { Settings } from '../api/settings';
import type { Route } from '../url/route';
import { ConversationPanel } from './conversation-panel';

interface DrawerProps {
  readonly conversation: ConversationRef;
  readonly route: Route;
  readonly settings: Settings;
  readonly onClose: () => void;
}

/** A conversation over the list, which stays usable beside it. */
export function Drawer({ conversation, route, settings, onClose }: DrawerProps) {
  const drawer = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    drawer.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside
      ref={drawer}
      className={`drawer panel ${route.span === null ? '' : 'has-span'}`}
      aria-label="Conversation"
      tabIndex={-1}
    >
      <ConversationPanel
        // What is unfolded, found and scrolled to belongs to one conversation.
        key={refKey(conversation)}
        conversation={conversation}
        route={route}
        settings={settings}
        onClose={onClose}
      />
    </aside>
  );
}
