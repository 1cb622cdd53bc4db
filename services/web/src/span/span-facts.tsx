import type { ReactNode } from 'react';
import type { SpanDetail } from '../api/model';
import { formatCost, formatCount } from '../format/number';
import { formatClock, formatDuration, formatUtc } from '../format/time';
import { CopyButton } from '../ui/copy-button';

const OPERATIONS: Record<SpanDetail['operation'], string> = {
  CHAT: 'LLM call',
  COMPLETION: 'Text completion',
  EMBEDDINGS: 'Embeddings',
  EXECUTE_TOOL: 'Tool execution',
  INVOKE_AGENT: 'Agent',
  CREATE_AGENT: 'Agent creation',
  HANDOFF: 'Handoff',
  RERANK: 'Reranking',
  OTHER: 'Other',
};

/** Timing, who ran what, usage and cost. */
export function SpanFacts({ span, onOpen }: { span: SpanDetail; onOpen: (spanId: string) => void }) {
  const { parent } = span;
  return (
    <dl className="facts numbers">
      <Fact name="Operation">{OPERATIONS[span.operation]}</Fact>
      <Fact name="Time">
        <span title={`${formatUtc(span.startedAt)}\n${formatUtc(span.endedAt)}`}>
          {formatClock(span.startedAt)} – {formatClock(span.endedAt)}
        </span>
        , {formatDuration(span.durationMs)}
      </Fact>
      <Fact name="Agent">{span.agent}</Fact>
      <Fact name="Tool">{span.tool}</Fact>
      <Fact name="Model">{modelOf(span)}</Fact>
      <Fact name="Provider">{span.provider}</Fact>
      <Fact name="Tokens">{span.usage && <UsageText usage={span.usage} />}</Fact>
      <Fact name="Cost">{costOf(span)}</Fact>
      <Fact name="Totals">
        {span.counted === false && (
          <span title="It reports the tokens of the calls within it, or of a call that another span reports too">
            not counted: repeats what another span reports
          </span>
        )}
      </Fact>
      <Fact name="Written by">{span.instrumentation}</Fact>
      <Fact name="Parent">
        {parent !== null && (
          <button type="button" className="link-button" onClick={() => onOpen(parent)}>
            show
          </button>
        )}
      </Fact>
      <Fact name="Trace">
        <Id value={span.traceId} label="Copy trace id" />
      </Fact>
      <Fact name="Span">
        <Id value={span.id} label="Copy span id" />
      </Fact>
    </dl>
  );
}

function modelOf({ requestModel, responseModel }: SpanDetail): string | null {
  if (requestModel !== null && responseModel !== null && requestModel !== responseModel) {
    return `${responseModel} (asked for ${requestModel})`;
  }
  return responseModel ?? requestModel;
}

/** Nothing when there is nothing to say. */
function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined || children === false) return null;
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function UsageText({ usage }: { usage: NonNullable<SpanDetail['usage']> }) {
  const parts = [
    { name: 'cached', count: usage.cachedInputTokens },
    { name: 'cache write', count: usage.cacheWriteInputTokens },
  ].filter(part => part.count > 0);
  return (
    <>
      {formatCount(usage.inputTokens)} in
      {parts.length > 0 && ` (${parts.map(part => `${formatCount(part.count)} ${part.name}`).join(', ')})`},{' '}
      {formatCount(usage.outputTokens)} out
      {usage.reasoningTokens > 0 && ` (${formatCount(usage.reasoningTokens)} reasoning)`}
    </>
  );
}

/** A call that is counted and has no cost is unpriced; what is not counted may well say nothing of money. */
function costOf({ cost, counted }: SpanDetail): ReactNode {
  if (cost) return <CostText cost={cost} />;
  return counted ? <Unpriced /> : null;
}

function Unpriced() {
  return <span className="tag is-warn">no known price for this model</span>;
}

function CostText({ cost }: { cost: NonNullable<SpanDetail['cost']> }) {
  if (cost.unpricedCalls > 0) return <Unpriced />;
  return (
    <>
      {formatCost(cost.total)}{' '}
      <span className="muted">({`${formatCost(cost.input)} in, ${formatCost(cost.output)} out`})</span>
    </>
  );
}

function Id({ value, label }: { value: string; label: string }) {
  return (
    <span className="fact-id">
      <span className="mono ellipsis" title={value}>
        {value}
      </span>
      <CopyButton label={label} text={() => value} />
    </span>
  );
}
