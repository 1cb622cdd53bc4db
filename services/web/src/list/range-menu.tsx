import { type FormEvent, useId, useState } from 'react';
import { formatDay, formatMinute } from '../format/time';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';
import type { Preset, Range } from '../url/filter';

const NAMES: Record<Preset, string> = {
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};

export function rangeName(range: Range): string {
  if (range.kind === 'any') return 'Any time';
  if (range.kind === 'preset') return NAMES[range.preset];
  if (range.to === null) return range.from === null ? 'Any time' : `Since ${moment(range.from)}`;
  return range.from === null ? `Until ${moment(range.to)}` : `${moment(range.from)} – ${moment(range.to)}`;
}

function moment(iso: string): string {
  return `${formatDay(iso, Date.now())}, ${formatMinute(iso)}`;
}

interface RangeMenuProps {
  readonly range: Range;
  readonly onChange: (range: Range) => void;
}

/** When conversations were active: a moving range, or two moments in the reader's zone. */
export function RangeMenu({ range, onChange }: RangeMenuProps) {
  return (
    <Popover
      label="Filter by time"
      className={`button filter ${range.kind === 'any' ? '' : 'is-active'}`}
      trigger={
        <>
          <span className="ellipsis">{range.kind === 'any' ? 'Time' : rangeName(range)}</span>
          <Icon name="down" />
        </>
      }
    >
      {close => (
        <RangeChoice
          range={range}
          onChange={next => {
            onChange(next);
            close();
          }}
        />
      )}
    </Popover>
  );
}

function RangeChoice({ range, onChange }: RangeMenuProps) {
  const [from, setFrom] = useState(() => toLocal(range.kind === 'custom' ? range.from : null));
  const [to, setTo] = useState(() => toLocal(range.kind === 'custom' ? range.to : null));
  const isBackwards = from !== '' && to !== '' && from >= to;
  const problem = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isBackwards) return;
    onChange(from === '' && to === '' ? { kind: 'any' } : { kind: 'custom', from: toIso(from), to: toIso(to) });
  };
  return (
    <div className="facet-choice">
      <ul className="presets">
        {(Object.keys(NAMES) as Preset[]).map(preset => (
          <li key={preset}>
            <button
              type="button"
              className="button"
              aria-pressed={range.kind === 'preset' && range.preset === preset}
              onClick={() => onChange({ kind: 'preset', preset })}
            >
              {NAMES[preset]}
            </button>
          </li>
        ))}
      </ul>
      <form className="range-form" onSubmit={submit}>
        <label>
          From
          <input className="input" type="datetime-local" value={from} onChange={event => setFrom(event.target.value)} />
        </label>
        <label>
          Until
          <input
            className="input"
            type="datetime-local"
            value={to}
            aria-invalid={isBackwards}
            aria-describedby={isBackwards ? problem : undefined}
            onChange={event => setTo(event.target.value)}
          />
        </label>
        {isBackwards && (
          <p id={problem} className="range-problem">
            “Until” has to be later than “From”.
          </p>
        )}
        <div className="range-buttons">
          <button type="submit" className="button is-primary" disabled={isBackwards}>
            Apply
          </button>
          <button type="button" className="button" onClick={() => onChange({ kind: 'any' })}>
            Any time
          </button>
        </div>
      </form>
    </div>
  );
}

/** What `datetime-local` takes: the reader's zone, without one. */
function toLocal(iso: string | null): string {
  if (iso === null) return '';
  const date = new Date(Date.parse(iso));
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toIso(local: string): string | null {
  return local === '' ? null : new Date(local).toISOString();
}
