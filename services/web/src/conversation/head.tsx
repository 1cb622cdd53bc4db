import type { ConversationHead, ModelUsage } from '../api/model';
import { formatCompact, formatCost, formatCount, plural } from '../format/number';
import { userName } from '../format/text';
import { formatClock, formatDay, formatDuration, formatUtc } from '../format/time';
import { Hint } from '../ui/hint';
import { Traces } from './traces';

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

function Stat({ name, children }: { name: string; children: React.ReactNode }) {
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

const TOKEN_KINDS: readonly { name: string; read: (row: ModelUsage['usage']) => number; isPart: boolean }[] = [
  { name: 'Input', read: usage => usage.inputTokens, isPart: false },
  { name: 'cached', read: usage => usage.cachedInputTokens, isPart: true },
  { name: 'cache write', read: usage => usage.cacheWriteInputTokens, isPart: true },
  { name: 'Output', read: usage => usage.outputTokens, isPart: false },
  { name: 'reasoning', read: usage => usage.reasoningTokens, isPart: true },
  { name: 'Total', read: usage => usage.totalTokens, isPart: false },
];

/** Tokens by model and kind; the parts are within the kind above them. */
function TokenTable({ head }: { head: ConversationHead }) {
  const columns = head.usageByModel;
  return (
    <table className="usage-table numbers">
      <caption>Tokens, counted once per LLM call</caption>
      <ModelHeader columns={columns} />
      <tbody>
        {TOKEN_KINDS.map(({ name, read, isPart }) => (
          <tr key={name} className={isPart ? 'is-part' : ''}>
            <th scope="row">{isPart ? `of it ${name}` : name}</th>
            {columns.map(model => (
              <td key={modelKey(model)}>{formatCount(read(model.usage))}</td>
            ))}
            <td>{formatCount(read(head.usage))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function CostTable({ head }: { head: ConversationHead }) {
  const columns = head.usageByModel;
  const rows = [
    { name: 'Input', read: (row: { cost: ModelUsage['cost'] }) => formatCost(row.cost.input) },
    { name: 'Output', read: (row: { cost: ModelUsage['cost'] }) => formatCost(row.cost.output) },
    { name: 'Total', read: (row: { cost: ModelUsage['cost'] }) => formatCost(row.cost.total) },
  ];
  const unpriced = columns.filter(model => model.cost.unpricedCalls > 0);
  return (
    <>
      <table className="usage-table numbers">
        <caption>Cost in US dollars</caption>
        <ModelHeader columns={columns} />
        <tbody>
          {rows.map(({ name, read }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {columns.map(model => (
                <td key={modelKey(model)}>{isUnpriced(model) ? 'unpriced' : read(model)}</td>
              ))}
              <td>{read(head)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {unpriced.length > 0 && (
        <p className="usage-note">
          {plural(head.cost.unpricedCalls, 'call')} of {unpriced.map(model => model.model).join(', ')} could not be
          priced and {head.cost.unpricedCalls === 1 ? 'is' : 'are'} missing from the sums.
        </p>
      )}
    </>
  );
}

function isUnpriced({ cost, llmCalls }: ModelUsage): boolean {
  return cost.total === 0 && cost.unpricedCalls > 0 && cost.unpricedCalls <= llmCalls;
}

function modelKey({ model, provider }: ModelUsage): string {
  return `${provider ?? ''}/${model}`;
}

function ModelHeader({ columns }: { columns: readonly ModelUsage[] }) {
  return (
    <thead>
      <tr>
        <td />
        {columns.map(model => (
          <th key={modelKey(model)} scope="col" title={model.provider ?? undefined}>
            {model.model}
            <span className="muted"> ({plural(model.llmCalls, 'call')})</span>
          </th>
        ))}
        <th scope="col">All</th>
      </tr>
    </thead>
  );
}
