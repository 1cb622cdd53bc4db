import type { ConversationHead, ConversationRef } from '../api/model';
import { plural } from '../format/number';
import { CopyButton } from '../ui/copy-button';
import { Icon } from '../ui/icon';
import { isPlainClick, navigate } from '../url/location';
import { conversationPath } from '../url/route';

interface PanelBarProps {
  readonly title: string;
  readonly conversation: ConversationRef;
  readonly head: ConversationHead | null;
  readonly onClose: (() => void) | null;
}

/** What conversation this is, its state, and ways out. */
export function PanelBar({ title, conversation, head, onClose }: PanelBarProps) {
  const path = conversationPath(conversation);
  // In the drawer it stands under the list's heading.
  const Heading = onClose ? 'h2' : 'h1';
  return (
    <header className="panel-bar">
      {!onClose && (
        <a
          className="button is-quiet is-icon panel-back"
          href="/"
          aria-label="All conversations"
          title="All conversations"
          onClick={event => {
            if (!isPlainClick(event)) return;
            event.preventDefault();
            navigate('/');
          }}
        >
          <Icon name="back" />
        </a>
      )}
      <div className="panel-title">
        <Heading className="ellipsis" title={title}>
          {title}
        </Heading>
        <div className="panel-id">
          <span className="ellipsis">
            {conversation.project} <span aria-hidden="true">·</span> <span className="mono">{conversation.id}</span>
          </span>
          <CopyButton label="Copy conversation id" text={() => conversation.id} />
          {head && <Status head={head} />}
        </div>
      </div>
      <CopyButton label="Copy link to this conversation" text={() => `${window.location.origin}${path}`} icon="link" />
      {onClose && (
        <>
          <a
            className="button is-quiet is-icon"
            href={path}
            aria-label="Open as a page"
            title="Open as a page"
            onClick={event => {
              if (!isPlainClick(event)) return;
              event.preventDefault();
              navigate(path);
            }}
          >
            <Icon name="expand" />
          </a>
          <button
            type="button"
            className="button is-quiet is-icon"
            aria-label="Close"
            title="Close (Esc)"
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        </>
      )}
    </header>
  );
}

function Status({ head }: { head: ConversationHead }) {
  const isOpen = head.status === 'OPEN';
  const reopened = isOpen && head.revision > 0 ? `, finalised ${plural(head.revision, 'time')} before` : '';
  return (
    <>
      <span
        className={`tag ${isOpen ? 'is-live' : ''}`}
        title={isOpen ? `Still going on${reopened}` : 'It fell silent'}
      >
        {isOpen ? 'Open' : `Finalised${head.revision > 1 ? `, revision ${head.revision}` : ''}`}
      </span>
      {head.inferred && (
        <span
          className="tag is-warn"
          title="No span carried a conversation id: it was put together from what belongs together"
        >
          Inferred
        </span>
      )}
    </>
  );
}
