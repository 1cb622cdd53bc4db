import { useEffect, useMemo, useState } from 'react';
import { asApiError, isAbort } from '../api/error';
import { Facets as FacetsQuery } from '../api/generated';
import type { Facet } from '../api/model';
import { request } from '../api/request';
import { formatCount } from '../format/number';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';
import { type Filter, type ListField, toConversationFilter } from '../url/filter';

/** More are found by typing. */
const SHOWN_MAX = 100;

interface FacetMenuProps {
  readonly field: ListField;
  readonly name: string;
  readonly filter: Filter;
  readonly onChange: (values: readonly string[]) => void;
}

/** Chooses any number of values, each with the number of conversations that the rest of the filter leaves it. */
export function FacetMenu({ field, name, filter, onChange }: FacetMenuProps) {
  const chosen = filter[field];
  const label = chosen.length === 0 ? name : chosen.length === 1 ? chosen[0] : `${name}: ${chosen.length}`;
  return (
    <Popover
      label={`Filter by ${name.toLowerCase()}`}
      className={`button filter ${chosen.length > 0 ? 'is-active' : ''}`}
      trigger={
        <>
          <span className="ellipsis">{label}</span>
          <Icon name="down" />
        </>
      }
    >
      {() => <FacetChoice field={field} name={name} filter={filter} onChange={onChange} />}
    </Popover>
  );
}

function FacetChoice({ field, name, filter, onChange }: FacetMenuProps) {
  const [typed, setTyped] = useState('');
  const { facets, error, counted } = useFacets(field, filter);
  const chosen = filter[field];
  const shown = useMemo(() => {
    const counted = facets ?? [];
    const missing = chosen.filter(value => !counted.some(facet => facet.value === value));
    const all: { value: string; conversations: number | null }[] = [
      ...missing.map(value => ({ value, conversations: facets ? 0 : null })),
      ...counted,
    ];
    const wanted = typed.trim().toLowerCase();
    return all.filter(facet => facet.value.toLowerCase().includes(wanted)).slice(0, SHOWN_MAX);
  }, [facets, chosen, typed]);

  const toggle = (value: string) =>
    onChange(chosen.includes(value) ? chosen.filter(other => other !== value) : [...chosen, value]);

  return (
    <div className="facet-choice">
      <input
        className="input"
        type="search"
        placeholder={`Find ${name.toLowerCase()}`}
        aria-label={`Find ${name.toLowerCase()}`}
        value={typed}
        onChange={event => setTyped(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && typed.trim() !== '') toggle(shown[0]?.value ?? typed.trim());
        }}
      />
      <ul aria-label={name}>
        {shown.map(facet => (
          <li key={facet.value}>
            <label className="choice">
              <input type="checkbox" checked={chosen.includes(facet.value)} onChange={() => toggle(facet.value)} />
              <span className="ellipsis" title={facet.value}>
                {facet.value}
              </span>
              <span className="muted numbers">
                {facet.conversations === null ? '' : formatCount(facet.conversations)}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {typed.trim() !== '' && !shown.some(facet => facet.value === typed.trim()) && (
        // Facets are counted among the newest conversations; an older one may have a value that is not among them.
        <button type="button" className="button is-quiet" onClick={() => toggle(typed.trim())}>
          <span className="ellipsis">Filter by “{typed.trim()}”</span>
        </button>
      )}
      {error && <p className="choice-note">{error}</p>}
      {!error && facets === null && <p className="choice-note">Counting …</p>}
      {counted !== null && <p className="choice-note">Counted in the newest {formatCount(counted)} conversations.</p>}
      {facets !== null && shown.length === 0 && typed === '' && <p className="choice-note">Nothing to choose from</p>}
      {chosen.length > 0 && (
        <button type="button" className="button is-quiet" onClick={() => onChange([])}>
          Clear {name.toLowerCase()}
        </button>
      )}
    </div>
  );
}

interface Counts {
  readonly facets: readonly Facet[] | null;
  readonly error: string | null;
  /** Of how many conversations, when there are more than could be counted. */
  readonly counted: number | null;
}

/** Counted within the filter without this field: else choosing one value would hide all others. */
function useFacets(field: ListField, filter: Filter): Counts {
  const [state, setState] = useState<Counts>({ facets: null, error: null, counted: null });
  const others = JSON.stringify({ ...filter, [field]: [] });
  useEffect(() => {
    const abort = new AbortController();
    const without = JSON.parse(others) as Filter;
    request(FacetsQuery, { filter: toConversationFilter(without, Date.now()) }, abort.signal).then(
      ({ facets }) =>
        setState({ facets: facets[field], error: null, counted: facets.complete ? null : facets.counted }),
      (cause: unknown) => {
        if (!isAbort(cause)) setState({ facets: null, error: asApiError(cause).message, counted: null });
      },
    );
    return () => abort.abort();
  }, [field, others]);
  return state;
}
