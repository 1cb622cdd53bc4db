import type { ConversationHead, Message } from '../api/model';
import { CopyButton } from '../ui/copy-button';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';
import { toJson, toMarkdown } from './export';

interface ExportMenuProps {
  readonly head: ConversationHead;
  readonly messages: readonly Message[];
}

/** Takes the transcript along: into an issue, a chat, a test. */
export function ExportMenu({ head, messages }: ExportMenuProps) {
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
      {() => (
        <div className="export-menu">
          <CopyButton label="Copy the transcript as Markdown" text={() => toMarkdown(head, messages)}>
            Transcript as Markdown
          </CopyButton>
          <CopyButton label="Copy the transcript as JSON" text={() => toJson(head, messages)}>
            Transcript as JSON
          </CopyButton>
        </div>
      )}
    </Popover>
  );
}
