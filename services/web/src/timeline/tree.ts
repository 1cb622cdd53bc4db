import type { SpanBar } from '../api/model';
import { parseTime } from '../format/time';

/** A span as a row of the timeline. Times are milliseconds since the epoch. */
export interface TimelineRow {
  readonly span: SpanBar;
  readonly depth: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Parents before their children, each level by start: what ran inside a span stands below it. */
export function nest(spans: readonly SpanBar[]): TimelineRow[] {
  const known = new Set(spans.map(span => span.id));
  const children = new Map<string | null, SpanBar[]>();
  for (const span of spans) {
    const parent = span.parent !== null && known.has(span.parent) && span.parent !== span.id ? span.parent : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(span);
    else children.set(parent, [span]);
  }
  for (const siblings of children.values()) siblings.sort(byStart);
  const rows: TimelineRow[] = [];
  const placed = new Set<string>();
  place(children, children.get(null) ?? [], 0, rows, placed);
  // Spans that name each other as parents hang from no root; none is lost for it.
  for (const span of spans) if (!placed.has(span.id)) place(children, [span], 0, rows, placed);
  return rows;
}

function byStart(a: SpanBar, b: SpanBar): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.id < b.id ? -1 : 1;
}

/** Depth-first with a stack of its own: a chain of ten thousand spans must not overflow the engine's. */
function place(
  children: ReadonlyMap<string | null, readonly SpanBar[]>,
  roots: readonly SpanBar[],
  depth: number,
  rows: TimelineRow[],
  placed: Set<string>,
): void {
  const open = roots.map(span => ({ span, depth })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { span } = next;
    if (placed.has(span.id)) continue;
    placed.add(span.id);
    const startMs = parseTime(span.startedAt);
    rows.push({ span, depth: next.depth, startMs, endMs: Math.max(startMs, parseTime(span.endedAt)) });
    const inner = children.get(span.id) ?? [];
    for (let index = inner.length - 1; index >= 0; index -= 1) {
      open.push({ span: inner[index] as SpanBar, depth: next.depth + 1 });
    }
  }
}

export type BarKind = 'agent' | 'chat' | 'tool' | 'other';

export function barKind({ operation }: SpanBar): BarKind {
  switch (operation) {
    case 'CHAT':
    case 'COMPLETION':
      return 'chat';
    case 'EXECUTE_TOOL':
      return 'tool';
    case 'INVOKE_AGENT':
    case 'CREATE_AGENT':
    case 'HANDOFF':
      return 'agent';
    default:
      return 'other';
  }
}

/** What a bar is called: the thing that ran, without the operation's name that its colour tells already. */
export function barName(span: SpanBar): string {
  const kind = barKind(span);
  const own = kind === 'agent' ? span.agent : kind === 'tool' ? span.tool : (span.responseModel ?? span.requestModel);
  return own ?? span.name;
}
