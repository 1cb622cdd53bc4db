import { useEffect, useState } from 'react';
import { asApiError, isAbort } from '../api/error';
import { ConversationContext } from '../api/generated';
import type { Context as ContextData, ConversationRef, Related, SystemPrompt } from '../api/model';
import { request } from '../api/request';
import { plural } from '../format/number';
import { title } from '../format/text';
import { CopyButton } from '../ui/copy-button';
import { Folded } from '../ui/folded';
import { Popover } from '../ui/popover';
import { Ago } from '../ui/time';
import { conversationPath } from '../url/route';

/** System prompts and related conversations: read when asked for, since few readers want them every time. */
export function Context({ conversation }: { conversation: ConversationRef }) {
  return (
    <>
      <Popover
        label="System prompts"
        className="button is-quiet"
        trigger="Prompts"
        // The bar has to fit on a phone.
        triggerLabel="System prompts"
      >
        {() => (
          <Loaded conversation={conversation}>
            {({ systemPrompts }) => <SystemPrompts prompts={systemPrompts} />}
          </Loaded>
        )}
      </Popover>
      <Popover label="Related conversations" className="button is-quiet" trigger="Related">
        {() => <Loaded conversation={conversation}>{({ related }) => <RelatedList related={related} />}</Loaded>}
      </Popover>
    </>
  );
}

interface LoadedProps {
  readonly conversation: ConversationRef;
  readonly children: (context: ContextData) => React.ReactNode;
}

function Loaded({ conversation, children }: LoadedProps) {
  const [state, setState] = useState<{ context: ContextData | null; problem: string | null } | null>(null);
  const { project, id } = conversation;
  useEffect(() => {
    const abort = new AbortController();
    request(ConversationContext, { project, id }, abort.signal).then(
      answer => setState({ context: answer.conversation, problem: null }),
      (cause: unknown) => {
        if (!isAbort(cause)) setState({ context: null, problem: asApiError(cause).message });
      },
    );
    return () => abort.abort();
  }, [project, id]);
  if (state === null) return <p className="popover-note">Loading …</p>;
  if (state.context === null) return <p className="popover-note">{state.problem ?? 'The conversation is no more.'}</p>;
  return children(state.context);
}

function SystemPrompts({ prompts }: { prompts: readonly SystemPrompt[] }) {
  if (prompts.length === 0) return <p className="popover-note">No system prompt was captured.</p>;
  return (
    <ol className="prompts">
      {prompts.map((prompt, index) => (
        <li key={`${prompt.firstUsedAt}-${prompt.agent}`}>
          <div className="prompt-head">
            <span className="speaker-name">{prompt.agent ?? 'Assistant'}</span>
            <span className="muted">
              {prompts.length > 1 && `${index + 1} of ${prompts.length}, `}
              {plural(prompt.calls, 'call')}, first <Ago iso={prompt.firstUsedAt} />
            </span>
            <CopyButton label="Copy system prompt" text={() => prompt.text} />
          </div>
          <Folded text={prompt.text} chars={1_200} lines={14}>
            {text => <pre className="prompt-text">{text}</pre>}
          </Folded>
        </li>
      ))}
    </ol>
  );
}

function RelatedList({ related }: { related: readonly Related[] }) {
  if (related.length === 0) return <p className="popover-note">No other conversation shares a trace with this one.</p>;
  return (
    <ul className="related">
      {related.map(each => (
        <li key={`${each.project}/${each.id}`}>
          <a href={conversationPath(each)} className="clamp-2">
            {title(each)}
          </a>
          <span className="muted">
            {each.agents.join(', ') || each.project} · {plural(each.llmCalls, 'LLM call')}
          </span>
        </li>
      ))}
    </ul>
  );
}
