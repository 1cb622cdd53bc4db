import type { Message } from '../api/model';
import { formatBytes } from '../format/number';
import { Json } from '../ui/json';

type Part = Message['parts'][number];

/** What a message holds beside text: media, results of unknown calls, and what no convention names. */
export function OtherParts({ parts }: { parts: readonly Part[] }) {
  return (
    <ul className="other-parts">
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity and do not move
        <li key={index}>
          {part.type === 'MEDIA' ? (
            <Medium part={part} />
          ) : (
            <Json value={contentOf(part)} label="Part of the message" />
          )}
        </li>
      ))}
    </ul>
  );
}

/** Media by its kind, size and address. Nothing is loaded: its server would learn who reads which conversation. */
function Medium({ part }: { part: Part }) {
  const size = fieldOf(part.json, 'sizeBytes');
  return (
    <span className="tag">
      {part.mimeType ?? 'Attachment'}
      {typeof size === 'number' && `, ${formatBytes(size)}`}
      {part.uri && /^https?:/i.test(part.uri) && (
        <a href={part.uri} target="_blank" rel="noopener noreferrer nofollow">
          open
        </a>
      )}
    </span>
  );
}

/** Of a tool's result, the result; its id and name say nothing to a reader. */
function contentOf(part: Part): unknown {
  return part.type === 'TOOL_RESULT' ? (fieldOf(part.json, 'result') ?? part.json) : part.json;
}

function fieldOf(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[name] : undefined;
}
