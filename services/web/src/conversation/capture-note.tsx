import type { ConversationHead, Message } from '../api/model';
import { plural } from '../format/number';
import { Popover } from '../ui/popover';

const SWITCHES: readonly { name: string; setting: string }[] = [
  { name: 'Sentry, Python', setting: 'sentry_sdk.init(send_default_pii=True)' },
  { name: 'Sentry, Node', setting: 'Sentry.init({ sendDefaultPii: true })' },
  { name: 'OpenTelemetry GenAI', setting: 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true' },
  {
    name: 'Vercel AI SDK',
    setting: 'experimental_telemetry: { isEnabled: true, recordInputs: true, recordOutputs: true }',
  },
  { name: 'OpenInference', setting: 'OPENINFERENCE_HIDE_INPUTS=false  OPENINFERENCE_HIDE_OUTPUTS=false' },
  { name: 'OpenLLMetry', setting: 'TRACELOOP_TRACE_CONTENT=true' },
];

/** Says why messages are empty and what to switch on; nothing when everything was captured. */
export function CaptureNote({ messages }: { messages: readonly Message[] }) {
  const missing = messages.filter(message => !message.contentCaptured).length;
  if (missing === 0) return null;
  const what =
    missing === messages.length ? 'The content of this conversation' : `The content of ${plural(missing, 'message')}`;
  return (
    <div className="banner" role="note">
      <span>{what} was not captured.</span>
      <Popover label="How to capture content" className="link-button" trigger="How to switch it on">
        {() => (
          <div className="capture-help">
            <p>
              Instrumentations leave it out unless told otherwise, in the app that is observed and for what it says from
              then on. Messages may hold personal data.
            </p>
            <dl>
              {SWITCHES.map(({ name, setting }) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <code>{setting}</code>
                  </dd>
                </div>
              ))}
            </dl>
          </div>
        )}
      </Popover>
    </div>
  );
}

/** Says that the conversation is larger than what is kept of it. */
export function OmittedNote({ head }: { head: ConversationHead }) {
  if (head.omittedSpans === 0) return null;
  return (
    <div className="banner" role="note">
      {plural(head.omittedSpans, 'span')} came after the size limit was reached: not kept, and in no number here.
    </div>
  );
}

/** Says that spans are named as parents and did not come. */
export function MissingNote({ head }: { head: ConversationHead }) {
  if (head.missingParents === 0) return null;
  return (
    <div className="banner" role="note">
      {plural(head.missingParents, 'parent span')} {head.missingParents === 1 ? 'has' : 'have'} not come: still running,
      lost, or sent elsewhere.
    </div>
  );
}
