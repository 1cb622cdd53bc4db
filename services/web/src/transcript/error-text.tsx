import type { SpanError } from '../api/model';
import { errorUrl } from '../api/settings';
import { useSettings } from '../state/settings';
import { Folded } from '../ui/folded';
import { Icon } from '../ui/icon';

/** An error where it happened. */
export function ErrorText({ error }: { error: SpanError }) {
  const url = errorUrl(useSettings().errorUrlTemplate, error.eventId);
  return (
    <div className="error-text">
      <Icon name="alert" />
      <div>
        <strong>{error.type ?? 'Error'}</strong>
        {error.handled === false && <span> · not handled</span>}
        {url && (
          <>
            {' · '}
            <a href={url} target="_blank" rel="noopener noreferrer">
              Open the error
            </a>
          </>
        )}
        {error.message && (
          <Folded text={error.message} chars={600} lines={8}>
            {text => <span className="error-message">{text}</span>}
          </Folded>
        )}
      </div>
    </div>
  );
}
