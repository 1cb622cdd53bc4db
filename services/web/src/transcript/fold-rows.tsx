import type { Message } from '../api/model';
import { formatCost, plural } from '../format/number';
import { preview } from '../format/text';
import { formatDuration, parseTime } from '../format/time';
import { Icon } from '../ui/icon';
import { useTranscript } from './actions';

interface FoldRowProps {
  readonly rowKey: string;
  readonly messages: readonly Message[];
  readonly expanded: boolean;
}

/** The head of a sub-agent's thread. */
export function ThreadRow({ rowKey, messages, expanded }: FoldRowProps) {
  const { toggle } = useTranscript();
  const agent = messages.find(message => message.agent !== null)?.agent ?? 'Sub-agent';
  const calls = messages.reduce((sum, message) => sum + message.toolCalls.length, 0);
  const cost = messages.reduce((sum, message) => sum + (message.cost?.total ?? 0), 0);
  const errors = messages.filter(isFailed).length;
  const task = preview(messages.find(message => message.role === 'USER')?.text ?? null);
  return (
    <button type="button" className="thread-row" aria-expanded={expanded} onClick={() => toggle(rowKey, expanded)}>
      <Icon name={expanded ? 'down' : 'right'} />
      <Icon name="agent" />
      <span className="speaker-name">{agent}</span>
      {!expanded && task && <span className="thread-task ellipsis">{task}</span>}
      <span className="thread-facts numbers">
        {plural(messages.length, 'message')}
        {calls > 0 && ` · ${plural(calls, 'tool call')}`}
        {` · ${formatDuration(lasted(messages))}`}
        {cost > 0 && ` · ${formatCost(cost)}`}
      </span>
      {errors > 0 && <span className="tag is-error">{plural(errors, 'error')}</span>}
    </button>
  );
}

function isFailed(message: Message): boolean {
  return message.error !== null || message.toolCalls.some(call => call.status === 'ERROR');
}

function lasted(messages: readonly Message[]): number {
  const times = messages.map(message => parseTime(message.timestamp));
  return Math.max(...times) - Math.min(...times);
}

/** Answers that the conversation did not go on from. */
export function SupersededRow({ rowKey, messages, expanded }: FoldRowProps) {
  const { toggle } = useTranscript();
  const edited = messages.some(message => message.role === 'USER');
  const what = edited ? plural(messages.length, 'earlier message') : plural(messages.length, 'earlier answer');
  return (
    <button type="button" className="superseded-row" aria-expanded={expanded} onClick={() => toggle(rowKey, expanded)}>
      <Icon name="branch" />
      {what}, {edited ? 'edited away' : 'regenerated'}
      <span className="muted">{expanded ? 'hide' : 'show'}</span>
    </button>
  );
}
