import { useEffect, useState } from 'react';
import { Unassigned as UnassignedQuery } from '../api/generated';
import type { UnassignedSpans } from '../api/model';
import { request } from '../api/request';
import { plural } from '../format/number';
import { Ago } from '../ui/time';

/** There is no subscription for it: nothing happens to a conversation. */
const LOOK_MS = 4_000;

/** Says that spans do arrive but name no conversation: the commonest reason for an empty list. */
export function Unassigned() {
  const rows = useUnassigned();
  if (rows.length === 0) return null;
  return (
    <section className="unassigned" aria-label="Spans without a conversation">
      <p>
        Spans arrive, but without a conversation id. Set <code>gen_ai.conversation.id</code> where the conversation is
        known, as shown below.
      </p>
      <ul>
        {rows.map(row => (
          <li key={`${row.project} ${row.instrumentation}`}>
            <strong>{row.project}</strong> {row.instrumentation}: {plural(row.spans, 'span')},{' '}
            {plural(row.llmCalls, 'LLM call')}, last <Ago iso={row.lastSeenAt} />
            {row.exampleTraceId && (
              <>
                , for example in trace <span className="mono">{row.exampleTraceId}</span>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function useUnassigned(): readonly UnassignedSpans[] {
  const [rows, setRows] = useState<readonly UnassignedSpans[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const look = () =>
      request(UnassignedQuery, {}, abort.signal).then(
        ({ unassignedSpans }) => setRows(unassignedSpans),
        () => {
          // The list beside it shows what is wrong with the gateway.
        },
      );
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, []);
  return rows;
}
