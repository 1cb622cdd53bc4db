import { type RefObject, useLayoutEffect, useState } from 'react';

const GAP_PX = 6;
const MARGIN_PX = 8;

export interface Placement {
  readonly left: number;
  readonly top: number;
}

/**
 * Where a floating panel goes: below its anchor, above it when there is no room, never off the screen. Null until it
 * has been measured, which happens before the browser paints.
 */
export function usePlacement(
  anchor: RefObject<HTMLElement | null>,
  panel: RefObject<HTMLElement | null>,
  isOpen: boolean,
): Placement | null {
  const [placement, setPlacement] = useState<Placement | null>(null);
  useLayoutEffect(() => {
    if (!isOpen) {
      setPlacement(null);
      return;
    }
    const place = () => {
      if (!anchor.current || !panel.current) return;
      const next = placeBeside(anchor.current.getBoundingClientRect(), panel.current.getBoundingClientRect());
      setPlacement(before => (before?.left === next.left && before.top === next.top ? before : next));
    };
    place();
    const observer = new ResizeObserver(place);
    if (panel.current) observer.observe(panel.current);
    window.addEventListener('resize', place);
    window.addEventListener('scroll', place, true);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', place);
      window.removeEventListener('scroll', place, true);
    };
  }, [anchor, panel, isOpen]);
  return placement;
}

function placeBeside(anchor: DOMRect, panel: DOMRect): Placement {
  const { innerWidth, innerHeight } = window;
  const left = Math.max(MARGIN_PX, Math.min(anchor.left, innerWidth - panel.width - MARGIN_PX));
  const below = anchor.bottom + GAP_PX;
  const above = anchor.top - GAP_PX - panel.height;
  const fitsBelow = below + panel.height <= innerHeight - MARGIN_PX;
  const top = fitsBelow || above < MARGIN_PX ? Math.min(below, innerHeight - MARGIN_PX - panel.height) : above;
  return { left: Math.round(left), top: Math.round(Math.max(MARGIN_PX, top)) };
}
