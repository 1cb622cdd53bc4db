import type { ConversationHead, Message } from '../api/model';
import { currentAddress, navigate } from '../url/location';
import { type Tab, withChange } from '../url/route';
import { Context } from './context';
import type { ConversationStore } from './conversation-store';
import { ExportMenu } from './export-menu';

const TABS: readonly { tab: Tab; name: string }[] = [
  { tab: 'transcript', name: 'Transcript' },
  { tab: 'timeline', name: 'Timeline' },
];

interface PanelToolsProps {
  readonly store: ConversationStore;
  readonly head: ConversationHead;
  readonly messages: readonly Message[];
  readonly tab: Tab;
  readonly isReading: boolean;
}

/** Tabs, and what can be done with the conversation. */
export function PanelTools({ store, head, messages, tab, isReading }: PanelToolsProps) {
  const choose = (next: Tab) => navigate(withChange(currentAddress(), { tab: next }), { replace: true });
  return (
    <div className="panel-tools">
      <div className="tabs" role="tablist" aria-label="Views">
        {TABS.map(({ tab: each, name }) => (
          <button
            key={each}
            type="button"
            role="tab"
            className="tab"
            aria-selected={tab === each}
            tabIndex={tab === each ? 0 : -1}
            onClick={() => choose(each)}
            onKeyDown={event => {
              if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
              event.stopPropagation();
              choose(each === 'transcript' ? 'timeline' : 'transcript');
              const other = event.currentTarget.parentElement?.querySelector<HTMLElement>('[tabindex="-1"]');
              other?.focus();
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div className="panel-actions">
        <Context conversation={store.ref} />
        <ExportMenu head={head} messages={messages} isReading={isReading} />
      </div>
    </div>
  );
}
