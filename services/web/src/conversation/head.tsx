import type { ReactNode } from 'react';
import type { ConversationHead } from '../api/model';
import { formatCompact, formatCost, formatCount } from '../format/number';
import { userName } from '../format/text';
import { formatClock, formatDay, formatDuration, formatUtc } from '../format/time';
import { Hint } from '../ui/hint';
import { Traces } from './traces';
import { CostTable, TokenTable } from './usage-tables';

/** The conversation's numbers and who took part. */
export function Head({ head, traceUrlTemplate }: { head: ConversationHead; traceUrlTemplate: string | null }) {
  return (
    <div className="head">
      <dl className="stats">
        <Stat name="LLM calls">{formatCount(head.llmCalls)}</Stat>
        <Stat name="Tool calls">{formatCount(head.toolCalls)}</Stat>
        <Stat name="Errors">
          <span
            className={head.errors > 0 ? 'is-error' : ''}
            title={`${formatCount(head.toolErrors)} of them in tools`}
          >
            {formatCount(head.errors)}
          </span>
        </Stat>
        <Stat name="Tokens">
          <Hint className="stat-hint" hint={<TokenTable head={head} />}>
            {formatCompact(head.usage.totalTokens)}
          </Hint>
        </Stat>
        <Stat name="Cost">
          <Hint className="stat-hint" hint={<CostTable head={head} />}>
            {head.cost.total === 0 && head.cost.unpricedCalls > 0 ? 'unpriced' : formatCost(head.cost.total)}
            {head.cost.total > 0 && head.cost.unpricedCalls > 0 && '+'}
          </Hint>
        </Stat>
        <Stat name="Duration">
          <span title={`${formatDuration(head.generationMs)} of it in LLM calls`}>
            {formatDuration(head.durationMs)}
          </span>
        </Stat>
        <Stat name="Started">
          <time dateTime={head.startedAt} title={formatUtc(head.startedAt)}>
            {formatDay(head.startedAt, Date.now())}, {formatClock(head.startedAt)}
          </time>
        </Stat>
      </dl>
      <ul className="parties" aria-label="Who and what took part">
        <Party
          name="User"
          values={userName(head.user) === null ? [] : [userName(head.user) ?? '']}
          title={userTitle(head)}
        />
        <Party name="Agents" values={head.agents} />
        <Party name="Models" values={head.models} />
        <Party name="Tools" values={head.tools} />
        <Party name="Environment" values={head.environment === null ? [] : [head.environment]} />
        <Traces traceIds={head.traceIds} template={traceUrlTemplate} />
      </ul>
    </div>
  );
}

function Stat({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="stat">
      <dt>{name}</dt>
      <dd className="numbers">{children}</dd>
    </div>
  );
}

const SHOWN_MAX = 4;

function Party({ name, values, title }: { name: string; values: readonly string[]; title?: string }) {
  if (values.length === 0) return null;
  const hidden = values.slice(SHOWN_MAX);
  return (
    <li className="party" title={title}>
      <span className="party-name">{name}</span>
      {values.slice(0, SHOWN_MAX).map(value => (
        <span key={value} className="tag">
          <span className="ellipsis">{value}</span>
        </span>
      ))}
      {hidden.length > 0 && (
        <Hint hint={hidden.join(', ')}>
          <span className="tag">+{hidden.length}</span>
        </Hint>
      )}
    </li>
  );
}

function userTitle({ user }: ConversationHead): string {
  return [user?.name, user?.email, user?.id, user?.ipAddress].filter(Boolean).join(' · ');
}
