import { useCallback, useEffect, useState } from 'react';
import type { ListStore } from './list-store';

interface Selection {
  readonly key: string | null;
  readonly takesFocus: boolean;
  readonly select: (key: string) => void;
}

/** Whether a key belongs to what has the focus: text being typed, an open menu, the conversation beside the list. */
export function isElsewhere(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, [contenteditable], .popover, .drawer, .span-pane') !== null
  );
}

/** Up and down move through the rows, Home and End to the ends of what is loaded. Enter is the focused link's own. */
export function useListKeys(
  order: readonly string[],
  openKey: string | null,
  scrollTo: (index: number) => void,
  store: ListStore,
): Selection {
  const [selection, setSelection] = useState<{ key: string | null; takesFocus: boolean }>({
    key: openKey,
    takesFocus: false,
  });
  const select = useCallback((key: string) => setSelection({ key, takesFocus: false }), []);

  useEffect(() => {
    const move = (event: KeyboardEvent) => {
      if (isElsewhere(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
      const at = order.indexOf(selection.key ?? '');
      const targets: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 };
      const wanted = targets[event.key];
      if (wanted === undefined || order.length === 0) return;
      event.preventDefault();
      const index = Math.max(0, Math.min(order.length - 1, wanted));
      // The row under the reader's selection must not be pulled away by the next update.
      store.hold(true);
      scrollTo(index);
      setSelection({ key: order[index] ?? null, takesFocus: true });
    };
    document.addEventListener('keydown', move);
    return () => document.removeEventListener('keydown', move);
  }, [order, selection.key, scrollTo, store]);

  return { ...selection, select };
}
