import type {
  ConversationContextQuery,
  ConversationHeadFragment,
  ConversationRowFragment,
  CostFieldsFragment,
  ErrorFieldsFragment,
  FacetsQuery,
  LiveConversationsSubscription,
  LiveMessagesSubscription,
  MessageFieldsFragment,
  SpanBarFragment,
  SpanDetailQuery,
  UnassignedQuery,
  UsageFieldsFragment,
} from './generated';

// Short names for the shapes that operations.graphql asks for; what the fields mean stands in the SDL.
export type ConversationRow = ConversationRowFragment;
export type ConversationHead = ConversationHeadFragment;
export type ModelUsage = ConversationHead['usageByModel'][number];
export type User = NonNullable<ConversationRow['user']>;
export type Usage = UsageFieldsFragment;
export type Cost = CostFieldsFragment;
export type SpanError = ErrorFieldsFragment;
export type Message = MessageFieldsFragment;
export type ToolCall = Message['toolCalls'][number];
export type SpanBar = SpanBarFragment;
export type SpanDetail = NonNullable<NonNullable<SpanDetailQuery['conversation']>['span']>;
export type MessageEvent = LiveMessagesSubscription['messages'];
export type ConversationEvent = LiveConversationsSubscription['conversations'];
export type Facets = FacetsQuery['facets'];
export type Facet = Facets['projects'][number];
export type Context = NonNullable<ConversationContextQuery['conversation']>;
export type Related = Context['related'][number];
export type UnassignedSpans = UnassignedQuery['unassignedSpans'][number];
export type SystemPrompt = Context['systemPrompts'][number];

/** A conversation's identity: ids are only distinct within a project. */
export interface ConversationRef {
  readonly project: string;
  readonly id: string;
}

/** One string for a reference; a project name cannot hold the separator. */
export function refKey({ project, id }: ConversationRef): string {
  return `${project}\u0000${id}`;
}
