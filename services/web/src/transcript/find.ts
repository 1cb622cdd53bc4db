import type { Message } from '../api/model';

/** Messages in which all words occur, in what was said, thought, called or returned; by id, in the order given. */
export function findMessages(messages: readonly Message[], text: string): string[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return messages
    .filter(message => {
      const haystack = everything(message).toLowerCase();
      return words.every(word => haystack.includes(word));
    })
    .map(message => message.id);
}

export function failedMessages(messages: readonly Message[]): string[] {
  return messages
    .filter(message => message.error !== null || message.toolCalls.some(call => call.status === 'ERROR'))
    .map(message => message.id);
}

function everything(message: Message): string {
  const calls = message.toolCalls.map(call =>
    [call.name, plain(call.arguments), plain(call.result), call.error?.message ?? ''].join('\n'),
  );
  return [message.text ?? '', message.reasoning ?? '', message.error?.message ?? '', ...calls].join('\n');
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
