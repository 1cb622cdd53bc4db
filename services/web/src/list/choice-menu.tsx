import { useId } from 'react';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';

interface ChoiceMenuProps<T> {
  readonly name: string;
  readonly value: T;
  /** The first is "any": choosing it switches the filter off. */
  readonly choices: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}

/** Chooses one of a few. */
export function ChoiceMenu<T>({ name, value, choices, onChange }: ChoiceMenuProps<T>) {
  const group = useId();
  const chosen = choices.find(choice => choice.value === value) ?? choices[0];
  const isActive = chosen !== choices[0];
  return (
    <Popover
      label={`Filter by ${name.toLowerCase()}`}
      className={`button filter ${isActive ? 'is-active' : ''}`}
      trigger={
        <>
          <span className="ellipsis">{isActive ? chosen?.label : name}</span>
          <Icon name="down" />
        </>
      }
    >
      {close => (
        <ul className="facet-choice" aria-label={name}>
          {choices.map(choice => (
            <li key={choice.label}>
              <label className="choice">
                <input
                  type="radio"
                  name={group}
                  checked={choice === chosen}
                  onChange={() => onChange(choice.value)}
                  onClick={event => {
                    // Arrow keys click radios too; those go on choosing.
                    if (event.detail > 0) close();
                  }}
                />
                <span>{choice.label}</span>
              </label>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
