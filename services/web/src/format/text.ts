import type { ConversationRow, User } from '../api/model';

/** How much of a message a row of the list shows at most; more would only cost layout. */
const PREVIEW_CHARS = 280;

/** One line of plain text out of Markdown: no fences, no emphasis, links by their text. */
export function preview(text: string | null): string | null {
  if (text === null) return null;
  const flat = text
    .slice(0, PREVIEW_CHARS * 4)
    .replace(/```[\s\S]*?(```|$)/g, ' ⟨code⟩ ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[ \t]*(#{1,6}|>|[-*+]|\d+\.)[ \t]+/gm, '')
    .replace(/(\*\*|__|~~|`)/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  if (flat === '') return null;
  return flat.length > PREVIEW_CHARS ? `${flat.slice(0, PREVIEW_CHARS)}…` : flat;
}

/** The name by which a person is known best. */
export function userName(user: User | null): string | null {
  return user?.name ?? user?.email ?? user?.id ?? user?.ipAddress ?? null;
}

/** What stands for a conversation where there is room for one line. */
export function title(row: Pick<ConversationRow, 'firstInput' | 'id'>): string {
  return preview(row.firstInput) ?? row.id;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID_CHARS_MAX = 26;

/** A long id so that it still differs from its neighbours: UUIDs by their beginning, others by both ends. */
export function shortId(id: string): string {
  if (UUID.test(id)) return id.slice(0, 8);
  if (id.length <= ID_CHARS_MAX) return id;
  const half = ID_CHARS_MAX / 2;
  return `${id.slice(0, half)}…${id.slice(-half)}`;
}
