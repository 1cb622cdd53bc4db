import { useState } from 'react';
import { Icon } from '../ui/icon';
import { Markdown } from './markdown';

/** What the model thought, folded until asked for. */
export function Reasoning({ text }: { text: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="reasoning">
      <button type="button" className="reasoning-button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="thought" />
        Reasoning
        <Icon name={isOpen ? 'down' : 'right'} />
      </button>
      {isOpen && (
        <div className="reasoning-body">
          <Markdown text={text} />
        </div>
      )}
    </div>
  );
}
