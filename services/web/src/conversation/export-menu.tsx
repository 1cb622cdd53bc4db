import type { ConversationHead, Message } from '../api/model';
import { CopyButton } from '../ui/copy-button';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';
import { toJson, toMarkdown } from './export';

interface ExportMenuProps {
  readonly head: ConversationHead;
  readonly messages: readonly Message[];
  /** While pages are still being read, a copy would end in the middle. */
  readonly isReading: boolean;
}

/** Takes the transcript along: into an issue, a chat, a test. */
export function ExportMenu({ head, messages, isReading }: ExportMenuProps) {
  return (
    <Popover
      label="Copy the transcript"
      className="button is-quiet"
      trigger={
        <>
          <Icon name="copy" />
          Copy
        </>
      }
    >
      {() =>
        isReading ? (
          <p className="popover-note">The conversation is still being read; a copy would be cut off.</p>
        ) : (
          <div className="export-menu">
            <CopyButton label="Copy the transcript as Markdown" text={() => toMarkdown(head, messages)}>
              Transcript as Markdown
            </CopyButton>
            <CopyButton label="Copy the transcript as JSON" text={() => toJson(head, messages)}>
              Transcript as JSON
            </CopyButton>
          </div>
        )
      }
    </Popover>
  );
}
