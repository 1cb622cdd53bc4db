import { useState } from 'react';
import { plural } from '../format/number';
import { Markdown } from '../transcript/markdown';
import { CopyButton } from '../ui/copy-button';
import { Folded } from '../ui/folded';
import { formatJson, Json } from '../ui/json';
import { messagesIn, type PayloadMessage } from './payload-messages';

/** A call repeats the whole history; the end of it is what is new. */
const LAST_SHOWN = 3;

interface PayloadProps {
  readonly name: 'Input' | 'Output';
  readonly value: unknown;
  /** What stands there when there is no value. */
  readonly missing: string;
}

/** What went in or came out: as messages where it is messages, else as it is. */
export function Payload({ name, value, missing }: PayloadProps) {
  if (value === null || value === undefined) {
    return (
      <section className="payload">
        <h3>{name}</h3>
        <p className="muted">{missing}</p>
      </section>
    );
  }
  const messages = messagesIn(value);
  return (
    <section className="payload">
      <div className="payload-head">
        <h3>{name}</h3>
        <CopyButton label={`Copy ${name.toLowerCase()}`} text={() => formatJson(value)} />
      </div>
      {messages ? <PayloadMessages messages={messages} /> : <Json value={value} label={name} lines={40} />}
    </section>
  );
}

function PayloadMessages({ messages }: { messages: readonly PayloadMessage[] }) {
  const [isWhole, setWhole] = useState(false);
  const hidden = isWhole ? 0 : Math.max(0, messages.length - LAST_SHOWN);
  return (
    <>
      {hidden > 0 && (
        <button type="button" className="link-button" onClick={() => setWhole(true)}>
          Show {plural(hidden, 'earlier message')}
        </button>
      )}
      <ol className="payload-messages">
        {messages.slice(hidden).map((message, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a span does not change once it is shown
          <li key={index}>
            <h4>{message.role}</h4>
            {message.text !== null && (
              <Folded text={message.text} chars={1_600} lines={20}>
                {text => <Markdown text={text} />}
              </Folded>
            )}
            {message.text === null && message.rest === null && <p className="muted">No text</p>}
            {message.rest !== null && <Json value={message.rest} label={`More of ${message.role}`} />}
          </li>
        ))}
      </ol>
    </>
  );
}
