import { type RefObject, useEffect } from 'react';
import { panned, WHOLE, type Window, zoomed } from './scale';

const WHEEL_STEP = 0.0022;
const KEY_FACTOR = 0.6;
const KEY_PAN = 0.2;

/** Ctrl and the wheel zoom about the pointer, a sideways wheel pans, as do + - 0 and the arrow keys. */
export function useZoom(
  scroller: RefObject<HTMLDivElement | null>,
  plot: RefObject<HTMLDivElement | null>,
  view: Window,
  setView: (change: (view: Window) => Window) => void,
): void {
  const isZoomed = view.to - view.from < 1;
  // The elements are there once there are rows, which is when this window is first looked at again.
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      const box = plot.current?.getBoundingClientRect();
      if (!box || box.width === 0) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        setView(now => zoomed(now, now.from + part * (now.to - now.from), Math.exp(event.deltaY * WHEEL_STEP)));
        return;
      }
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (sideways === 0 || !isZoomed) return;
      event.preventDefault();
      setView(now => panned(now, sideways / box.width));
    };
    const key = (event: KeyboardEvent) => {
      const change = KEYS[event.key];
      if (!change || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      setView(change);
    };
    element.addEventListener('wheel', wheel, { passive: false });
    element.addEventListener('keydown', key);
    return () => {
      element.removeEventListener('wheel', wheel);
      element.removeEventListener('keydown', key);
    };
  });
}

const about = (factor: number) => (view: Window) => zoomed(view, (view.from + view.to) / 2, factor);
const KEYS: Record<string, (view: Window) => Window> = {
  '+': about(KEY_FACTOR),
  '=': about(KEY_FACTOR),
  '-': about(1 / KEY_FACTOR),
  '0': () => WHOLE,
  ArrowLeft: view => panned(view, -KEY_PAN),
  ArrowRight: view => panned(view, KEY_PAN),
};
