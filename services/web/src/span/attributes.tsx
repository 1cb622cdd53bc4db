import { useMemo, useState } from 'react';
import { formatCount } from '../format/number';
import { CopyButton } from '../ui/copy-button';
import { Folded } from '../ui/folded';
import { formatJson } from '../ui/json';

/** Fewer are seen at a glance. */
const SEARCHABLE_MIN = 5;

/** All attributes as they came, found by name or value. */
export function Attributes({ name: title, attributes }: { name: string; attributes: unknown }) {
  const [wanted, setWanted] = useState('');
  const all = useMemo(() => entries(attributes), [attributes]);
  const needle = wanted.trim().toLowerCase();
  const shown = all.filter(
    ([name, value]) => name.toLowerCase().includes(needle) || value.toLowerCase().includes(needle),
  );
  return (
    <section className="payload">
      <div className="payload-head">
        <h3>
          {title} <span className="muted numbers">{formatCount(all.length)}</span>
        </h3>
        <CopyButton label={`Copy ${title.toLowerCase()}`} text={() => JSON.stringify(attributes, null, 2)} />
      </div>
      {all.length >= SEARCHABLE_MIN && (
        <input
          className="input"
          type="search"
          placeholder="Find by name or value"
          aria-label={`Find in ${title.toLowerCase()}`}
          value={wanted}
          onChange={event => setWanted(event.target.value)}
        />
      )}
      <dl className="attributes">
        {shown.map(([name, value]) => (
          <div key={name} className="attribute">
            <dt className="mono">{name}</dt>
            <dd className="mono">
              <Folded text={value} chars={400} lines={8}>
                {text => <span className="attribute-value">{text}</span>}
              </Folded>
              <CopyButton label={`Copy ${name}`} text={() => value} />
            </dd>
          </div>
        ))}
      </dl>
      {shown.length === 0 && <p className="muted">{all.length === 0 ? 'None' : 'Nothing found'}</p>}
    </section>
  );
}

function entries(attributes: unknown): [string, string][] {
  if (typeof attributes !== 'object' || attributes === null) return [];
  return Object.entries(attributes)
    .map(([name, value]): [string, string] => [name, formatJson(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
