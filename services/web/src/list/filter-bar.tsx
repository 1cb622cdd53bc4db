import { useState } from 'react';
import type { ConversationStatus } from '../api/generated';
import { Icon } from '../ui/icon';
import { type Filter, isFiltered, type ListField, NO_FILTER } from '../url/filter';
import { ChoiceMenu } from './choice-menu';
import { CostMenu } from './cost-menu';
import { FacetMenu } from './facet-menu';
import { RangeMenu } from './range-menu';

const FACETS: readonly { field: ListField; name: string }[] = [
  { field: 'projects', name: 'Project' },
  { field: 'agents', name: 'Agent' },
  { field: 'models', name: 'Model' },
  { field: 'tools', name: 'Tool' },
  { field: 'users', name: 'User' },
  { field: 'environments', name: 'Environment' },
];

const STATUS: readonly { value: ConversationStatus | null; label: string }[] = [
  { value: null, label: 'Any status' },
  { value: 'OPEN', label: 'Open' },
  { value: 'FINALIZED', label: 'Finalised' },
];

const ERRORS = [
  { value: null, label: 'With or without errors' },
  { value: true, label: 'With errors' },
  { value: false, label: 'Without errors' },
];

interface FilterBarProps {
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}

/** Everything that narrows the list, except the search, which has a place of its own. */
export function FilterBar({ filter, onChange }: FilterBarProps) {
  const [isShown, setShown] = useState(false);
  const set = (change: Partial<Filter>) => onChange({ ...filter, ...change });
  const count = countActive(filter);
  return (
    <div className="filter-bar" role="group" aria-label="Filters">
      <button
        type="button"
        className={`button filter-toggle ${count > 0 ? 'is-active' : ''}`}
        aria-expanded={isShown}
        onClick={() => setShown(shown => !shown)}
      >
        <Icon name="filter" />
        {count > 0 ? `Filters: ${count}` : 'Filters'}
      </button>
      <div className={`filters ${isShown ? 'is-shown' : ''}`}>
        {FACETS.map(({ field, name }) => (
          <FacetMenu
            key={field}
            field={field}
            name={name}
            filter={filter}
            onChange={values => set({ [field]: values })}
          />
        ))}
        <RangeMenu range={filter.range} onChange={range => set({ range })} />
        <ChoiceMenu name="Status" value={filter.status} choices={STATUS} onChange={status => set({ status })} />
        <ChoiceMenu
          name="Errors"
          value={filter.hasErrors}
          choices={ERRORS}
          onChange={hasErrors => set({ hasErrors })}
        />
        <CostMenu minCost={filter.minCost} onChange={minCost => set({ minCost })} />
      </div>
      {isFiltered(filter) && (
        <button type="button" className="button is-quiet" onClick={() => onChange(NO_FILTER)}>
          <Icon name="close" />
          Clear all
        </button>
      )}
    </div>
  );
}

function countActive(filter: Filter): number {
  const lists = FACETS.filter(({ field }) => filter[field].length > 0).length;
  const others = [
    filter.range.kind !== 'any',
    filter.status !== null,
    filter.hasErrors !== null,
    filter.minCost !== null,
  ];
  return lists + others.filter(Boolean).length;
}
