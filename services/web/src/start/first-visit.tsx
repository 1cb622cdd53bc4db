import { useState } from 'react';
import { CopyButton } from '../ui/copy-button';
import { SNIPPETS } from './snippets';
import { Unassigned } from './unassigned';

/** What an empty installation shows: how to connect an app. The list is subscribed to, so the first row replaces it. */
export function FirstVisit() {
  const [name, setName] = useState(SNIPPETS[0]?.name ?? '');
  const chosen = SNIPPETS.find(snippet => snippet.name === name) ?? SNIPPETS[0];
  return (
    <div className="first-visit">
      <h2>Waiting for the first conversation</h2>
      <p className="first-lead">
        Point an app that talks to a model at this machine. Every span with a conversation id becomes part of a
        conversation, and it appears here as it happens.
      </p>
      <div className="waiting" role="status">
        <span className="dot is-waiting" />
        Listening
      </div>
      <Unassigned />
      <div className="snippet-tabs" role="tablist" aria-label="Ways to connect">
        {SNIPPETS.map((snippet, index) => (
          <button
            key={snippet.name}
            type="button"
            role="tab"
            className="tab"
            aria-selected={snippet.name === name}
            tabIndex={snippet.name === name ? 0 : -1}
            onClick={() => setName(snippet.name)}
            onKeyDown={event => {
              const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
              const next = SNIPPETS[(index + step + SNIPPETS.length) % SNIPPETS.length];
              if (step === 0 || !next) return;
              setName(next.name);
              const tabs = event.currentTarget.parentElement?.querySelectorAll<HTMLElement>('[role="tab"]');
              tabs?.[(index + step + SNIPPETS.length) % SNIPPETS.length]?.focus();
            }}
          >
            {snippet.name}
          </button>
        ))}
      </div>
      {chosen && (
        <div role="tabpanel" aria-label={chosen.name} className="snippet">
          <div className="snippet-head">
            <p>{chosen.note}</p>
            <CopyButton label="Copy this code" text={() => chosen.code} />
          </div>
          <pre tabIndex={0} role="group" aria-label="Code">
            {chosen.code}
          </pre>
        </div>
      )}
    </div>
  );
}
