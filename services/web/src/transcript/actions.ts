import { createContext, useContext } from 'react';

/** What rows of the transcript ask of the view around them. */
export interface TranscriptActions {
  /** Shows a span beside the transcript. */
  readonly openSpan: (spanId: string) => void;
  /** Opens or folds a thread or a superseded run. */
  readonly toggle: (key: string, expanded: boolean) => void;
  /** The address of a message, to be copied. */
  readonly messageUrl: (id: string) => string;
  readonly openSpanId: string | null;
  /** The message that the address or the search points at. */
  readonly target: string | null;
}

export const TranscriptContext = createContext<TranscriptActions>({
  openSpan: () => {},
  toggle: () => {},
  messageUrl: () => '',
  openSpanId: null,
  target: null,
});

export function useTranscript(): TranscriptActions {
  return useContext(TranscriptContext);
}
