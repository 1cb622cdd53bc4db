import { type FormEvent, useState } from 'react';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';

const SUGGESTIONS = [0.01, 0.1, 1, 10];

/** As it would be typed: a bound has no more digits than it was given. */
function dollars(cost: number): string {
  return `$${cost.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}

interface CostMenuProps {
  readonly minCost: number | null;
  readonly onChange: (minCost: number | null) => void;
}

/** The least that a conversation has to have cost. */
export function CostMenu({ minCost, onChange }: CostMenuProps) {
  return (
    <Popover
      label="Filter by cost"
      className={`button filter ${minCost === null ? '' : 'is-active'}`}
      trigger={
        <>
          <span className="ellipsis">{minCost === null ? 'Cost' : `≥ ${dollars(minCost)}`}</span>
          <Icon name="down" />
        </>
      }
    >
      {close => (
        <CostChoice
          minCost={minCost}
          onChange={next => {
            onChange(next);
            close();
          }}
        />
      )}
    </Popover>
  );
}

function CostChoice({ minCost, onChange }: CostMenuProps) {
  const [typed, setTyped] = useState(minCost === null ? '' : String(minCost));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const cost = Number(typed);
    onChange(Number.isFinite(cost) && cost > 0 ? cost : null);
  };
  return (
    <form className="facet-choice" onSubmit={submit}>
      <div className="range-form">
        <label>
          At least, in US dollars
          <input
            className="input"
            type="number"
            min="0"
            step="any"
            inputMode="decimal"
            value={typed}
            onChange={event => setTyped(event.target.value)}
          />
        </label>
      </div>
      <ul className="presets">
        {SUGGESTIONS.map(cost => (
          <li key={cost}>
            <button type="button" className="button" aria-pressed={minCost === cost} onClick={() => onChange(cost)}>
              {dollars(cost)}
            </button>
          </li>
        ))}
      </ul>
      <div className="range-buttons">
        <button type="submit" className="button is-primary">
          Apply
        </button>
        <button type="button" className="button" onClick={() => onChange(null)}>
          Any cost
        </button>
      </div>
    </form>
  );
}
