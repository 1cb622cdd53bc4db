import type { Message } from '../api/model';

type Part = Message['parts'][number];

/** Media by its kind and address. Nothing is loaded: its server would learn who reads which conversation. */
export function Media({ parts }: { parts: readonly Part[] }) {
  return (
    <ul className="media" aria-label="Attachments">
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity and do not move
        <li key={index} className="tag">
          {part.mimeType ?? 'attachment'}
          {part.uri && /^https?:/i.test(part.uri) && (
            <a href={part.uri} target="_blank" rel="noopener noreferrer nofollow">
              open
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
