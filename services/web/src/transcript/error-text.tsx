import type { SpanError } from '../api/model';
import { Folded } from '../ui/folded';
import { Icon } from '../ui/icon';

/** An error where it happened. */
export function ErrorText({ error }: { error: SpanError }) {
  return (
    <div className="error-text">
      <Icon name="alert" />
      <div>
        <strong>{error.type ?? 'Error'}</strong>
        {error.message && (
          <Folded text={error.message} chars={600} lines={8}>
            {text => <span className="error-message">{text}</span>}
          </Folded>
        )}
      </div>
    </div>
  );
}
