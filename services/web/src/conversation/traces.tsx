import { traceUrl } from '../api/settings';
import { formatCount, plural } from '../format/number';
import { CopyButton } from '../ui/copy-button';
import { Popover } from '../ui/popover';

/** A conversation of months may span thousands of traces; the newest ones are the ones looked for. */
const SHOWN_MAX = 200;

interface TracesProps {
  readonly traceIds: readonly string[];
  readonly template: string | null;
}

/** The traces of a conversation, linked to the user's tracing tool when one is configured. */
export function Traces({ traceIds, template }: TracesProps) {
  if (traceIds.length === 0) return null;
  return (
    <li className="party">
      <Popover label="Traces" className="link-button" trigger={plural(traceIds.length, 'trace')}>
        {() => (
          <ul className="trace-list">
            {traceIds.slice(-SHOWN_MAX).map(traceId => {
              const url = traceUrl(template, traceId, null);
              return (
                <li key={traceId}>
                  {url ? (
                    <a className="mono" href={url} target="_blank" rel="noopener noreferrer">
                      {traceId}
                    </a>
                  ) : (
                    <span className="mono">{traceId}</span>
                  )}
                  <CopyButton label="Copy trace id" text={() => traceId} />
                </li>
              );
            })}
            {traceIds.length > SHOWN_MAX && (
              <li className="muted">
                The last {SHOWN_MAX} of {formatCount(traceIds.length)} are shown.
              </li>
            )}
          </ul>
        )}
      </Popover>
    </li>
  );
}
