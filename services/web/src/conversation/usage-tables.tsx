import { useEffect, useState } from 'react';
import { RepeatedReports } from '../api/generated';
import type { ConversationHead, Cost, ModelUsage, Usage } from '../api/model';
import { request } from '../api/request';
import { formatCost, formatCount, plural } from '../format/number';

interface Column<T> {
  readonly name: string;
  readonly read: (value: T) => string;
  /** Whether it is a part of the column before it, and so not to be added up with it. */
  readonly isPart?: boolean;
}

const TOKENS: readonly Column<Usage>[] = [
  { name: 'Input', read: usage => formatCount(usage.inputTokens) },
  { name: 'of it cached', read: usage => formatCount(usage.cachedInputTokens), isPart: true },
  { name: 'cache write', read: usage => formatCount(usage.cacheWriteInputTokens), isPart: true },
  { name: 'Output', read: usage => formatCount(usage.outputTokens) },
  { name: 'of it reasoning', read: usage => formatCount(usage.reasoningTokens), isPart: true },
  { name: 'Total', read: usage => formatCount(usage.totalTokens) },
];

const COSTS: readonly Column<Cost>[] = [
  { name: 'Input', read: cost => formatCost(cost.input) },
  { name: 'Output', read: cost => formatCost(cost.output) },
  { name: 'Total', read: cost => formatCost(cost.total) },
];

/** Tokens by model and kind. */
export function TokenTable({ head }: { head: ConversationHead }) {
  return (
    <>
      <UsageTable
        caption="Tokens; each LLM call is counted once"
        columns={TOKENS}
        rows={head.usageByModel.map(model => ({ model, value: model.usage }))}
        all={head.usage}
      />
      <Repeated head={head} />
    </>
  );
}

/** What reported tokens and is in no sum. Asked for when it is looked at. */
function Repeated({ head: { project, id } }: { head: ConversationHead }) {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    request(RepeatedReports, { project, id }, abort.signal).then(
      ({ conversation }) => setCount(conversation?.repeatedReports ?? 0),
      // The sums are right without the note.
      () => {},
    );
    return () => abort.abort();
  }, [project, id]);
  if (count === 0) return null;
  return (
    <p className="usage-note is-quiet">
      Not counted again: {plural(count, 'span')} of agents or wrappers that {count === 1 ? 'repeats' : 'repeat'} what
      the calls within report.
    </p>
  );
}

/** Cost by model; what has no price is said, not counted as nothing. */
export function CostTable({ head }: { head: ConversationHead }) {
  const unpriced = head.usageByModel.filter(model => model.cost.unpricedCalls > 0);
  return (
    <>
      <UsageTable
        caption="Cost in US dollars"
        columns={COSTS}
        rows={head.usageByModel.map(model => ({ model, value: isUnpriced(model) ? null : model.cost }))}
        all={head.cost}
      />
      {unpriced.length > 0 && (
        <p className="usage-note">
          {plural(head.cost.unpricedCalls, 'call')} of {unpriced.map(model => model.model).join(', ')}: no price is
          known, so the sums are without {head.cost.unpricedCalls === 1 ? 'it' : 'them'}.
        </p>
      )}
      <Repeated head={head} />
    </>
  );
}

function isUnpriced({ cost }: ModelUsage): boolean {
  return cost.total === 0 && cost.unpricedCalls > 0;
}

interface UsageTableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly { model: ModelUsage; value: T | null }[];
  readonly all: T;
}

function UsageTable<T>({ caption, columns, rows, all }: UsageTableProps<T>) {
  const cells = (value: T | null) =>
    columns.map(({ name, read, isPart }, index) => (
      <td key={name} className={isPart ? 'is-part' : ''}>
        {value === null ? (index === columns.length - 1 ? 'unpriced' : '–') : read(value)}
      </td>
    ));
  return (
    <table className="usage-table numbers">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">Calls</th>
          {columns.map(({ name, isPart }) => (
            <th key={name} scope="col" className={isPart ? 'is-part' : ''}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ model, value }) => (
          <tr key={`${model.provider ?? ''}/${model.model}`}>
            <th scope="row" title={model.provider ?? undefined}>
              {model.model}
            </th>
            <td>{formatCount(model.llmCalls)}</td>
            {cells(value)}
          </tr>
        ))}
        {rows.length > 1 && (
          <tr className="is-sum">
            <th scope="row">All</th>
            <td>{formatCount(rows.reduce((sum, { model }) => sum + model.llmCalls, 0))}</td>
            {cells(all)}
          </tr>
        )}
      </tbody>
    </table>
  );
}
