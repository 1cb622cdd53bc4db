import type { Message } from '../api/model';

export interface Sibling {
  readonly id: string;
  readonly name: string;
}

/** The spans behind the message that the span belongs to: its LLM calls and the tools they called. */
export function siblings(messages: readonly Message[], spanId: string): Sibling[] {
  const own = messages.find(message => spansOf(message).some(span => span.id === spanId));
  // A user message only names the call that first carried it; that call's own message tells more.
  const made = messages.find(message => message.role !== 'USER' && spansOf(message).some(span => span.id === spanId));
  const message = made ?? own;
  if (!message) return [];
  const unique = new Map(spansOf(message).map(span => [span.id, span]));
  return [...unique.values()];
}

function spansOf(message: Message): Sibling[] {
  const tools = message.toolCalls.flatMap(call => (call.span ? [{ id: call.span.id, name: call.name }] : []));
  return [...message.spans, ...tools];
}
