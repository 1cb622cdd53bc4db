import { Icon } from '../ui/icon';

interface TimelineToolsProps {
  readonly isZoomed: boolean;
  readonly hasGaps: boolean;
  readonly foldGaps: boolean;
  readonly onFoldGaps: (fold: boolean) => void;
  readonly onZoom: (factor: number) => void;
  readonly onFit: () => void;
}

/** Zoom and what the colours mean. */
export function TimelineTools({ isZoomed, hasGaps, foldGaps, onFoldGaps, onZoom, onFit }: TimelineToolsProps) {
  return (
    <div className="timeline-tools">
      <ul className="legend" aria-label="Colours">
        <li className="is-agent">Agent</li>
        <li className="is-chat">LLM call</li>
        <li className="is-tool">Tool</li>
        <li className="is-error">Failed</li>
      </ul>
      {hasGaps && (
        <label className="choice">
          <input type="checkbox" checked={foldGaps} onChange={event => onFoldGaps(event.target.checked)} />
          Fold idle time
        </label>
      )}
      <div className="zoom" role="group" aria-label="Zoom">
        <ZoomButton label="Zoom in" icon="plus" onClick={() => onZoom(0.5)} />
        <ZoomButton label="Zoom out" icon="minus" onClick={() => onZoom(2)} disabled={!isZoomed} />
        <ZoomButton label="Show all" icon="fit" onClick={onFit} disabled={!isZoomed} />
      </div>
    </div>
  );
}

interface ZoomButtonProps {
  readonly label: string;
  readonly icon: 'plus' | 'minus' | 'fit';
  readonly onClick: () => void;
  readonly disabled?: boolean;
}

function ZoomButton({ label, icon, onClick, disabled = false }: ZoomButtonProps) {
  return (
    <button
      type="button"
      className="button is-quiet is-icon"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
