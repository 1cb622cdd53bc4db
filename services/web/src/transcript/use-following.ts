import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Message } from '../api/model';

/** So near to the end counts as being there: fractions of pixels and a last row that is still being measured. */
const AT_END_PX = 48;
/** A new row is measured, and grows, within this time; after it, growth is the reader's own unfolding. */
const MEASURED_WITHIN_MS = 400;

interface Following {
  /** Messages that came while the reader was further up. */
  readonly below: number;
  readonly follow: () => void;
}

/**
 * Keeps the end in view while the reader is at it, and counts what comes while the reader is not. Pages that are still
 * being read are not news.
 */
export function useFollowing(
  scroller: RefObject<HTMLDivElement | null>,
  rows: readonly unknown[],
  messages: readonly Message[],
  isReading: boolean,
): Following {
  const isAtEnd = useRef(true);
  const seen = useRef(0);
  const wasReading = useRef(true);
  const growsUntil = useRef(0);
  const [below, setBelow] = useState(0);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const look = () => {
      isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
      if (isAtEnd.current) setBelow(0);
    };
    const grow = new ResizeObserver(() => {
      if (isAtEnd.current && performance.now() < growsUntil.current) element.scrollTop = element.scrollHeight;
    });
    if (element.firstElementChild) grow.observe(element.firstElementChild);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      grow.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [scroller]);

  const scrollToEnd = () => {
    growsUntil.current = performance.now() + MEASURED_WITHIN_MS;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: new rows are what this is about
  useLayoutEffect(() => {
    const added = messages.length - seen.current;
    seen.current = messages.length;
    const isFirst = isReading || wasReading.current;
    wasReading.current = isReading;
    const element = scroller.current;
    if (isFirst && element) {
      // Opened at the beginning; a conversation that fits is at its end at once.
      isAtEnd.current = element.scrollHeight <= element.clientHeight + AT_END_PX;
      return;
    }
    if (isAtEnd.current) scrollToEnd();
    else if (added > 0) setBelow(count => count + added);
  }, [rows, messages, isReading]);

  return {
    below,
    follow: () => {
      setBelow(0);
      isAtEnd.current = true;
      scrollToEnd();
    },
  };
}
