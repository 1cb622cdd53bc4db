// Drawn on a grid of 16, one stroke width: a set of its own is smaller than any package of icons.
const PATHS = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM14 14l-3.5-3.5',
  close: 'M4 4l8 8M12 4l-8 8',
  right: 'M6 3.5 10.5 8 6 12.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  up: 'M3.5 10 8 5.5 12.5 10',
  back: 'M13 8H3M7 4 3 8l4 4',
  copy: 'M5.5 5.5V3.6c0-.6.5-1.1 1.1-1.1h5.8c.6 0 1.1.5 1.1 1.1v5.8c0 .6-.5 1.1-1.1 1.1h-1.9M3.6 5.5h5.8c.6 0 1.1.5 1.1 1.1v5.8c0 .6-.5 1.1-1.1 1.1H3.6c-.6 0-1.1-.5-1.1-1.1V6.6c0-.6.5-1.1 1.1-1.1z',
  check: 'M3 8.5 6.5 12 13 4.5',
  external: 'M9.5 2.5h4v4M13.5 2.5 7.5 8.5M12 9.5v3c0 .6-.4 1-1 1H3.5c-.6 0-1-.4-1-1V5c0-.6.4-1 1-1h3',
  expand: 'M9.5 2.5h4v4M13.5 2.5 9.5 6.5M6.5 13.5h-4v-4M2.5 13.5l4-4',
  link: 'M6.7 9.3a2.8 2.8 0 0 0 4 0l2-2a2.8 2.8 0 0 0-4-4l-.6.6M9.3 6.7a2.8 2.8 0 0 0-4 0l-2 2a2.8 2.8 0 0 0 4 4l.6-.6',
  tool: 'M10.2 3.2a3.4 3.4 0 0 0-4 4.6L2.6 11.4a1.4 1.4 0 0 0 2 2l3.6-3.6a3.4 3.4 0 0 0 4.6-4l-2 2-2.1-.5-.5-2.1z',
  agent:
    'M8 2v2M4.5 4h7c.8 0 1.5.7 1.5 1.5v5c0 .8-.7 1.5-1.5 1.5h-7C3.7 12 3 11.300 3 10.500v-5C3 4.700 3.700 4 4.500 4zM6 7.500v1M10 7.500v1M1.500 7v2M14.500 7v2M6 14h4',
  thought:
    'M8 2.500c3 0 5 1.800 5 4.300s-2 4.300-5 4.300c-.5 0-1-.1-1.500-.2L4 12.500l.3-2.400C3.500 9.300 3 8.200 3 6.800c0-2.500 2-4.300 5-4.300z',
  alert: 'M8 2.500 14 13H2zM8 6.500v3M8 11.300v.1',
  sun: 'M8 10.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM8 1.500v1.200M8 13.300v1.200M1.500 8h1.200M13.300 8h1.200M3.400 3.400l.9.9M11.700 11.700l.9.9M3.400 12.600l.9-.9M11.700 4.300l.9-.9',
  moon: 'M13.500 9.300A5.700 5.700 0 1 1 6.700 2.500a4.500 4.500 0 0 0 6.800 6.800z',
  filter: 'M2.500 4h11M4.500 8h7M6.500 12h3',
  branch: 'M4.500 3v10M4.500 9.500c0-2 6.500-1 6.500-4.500V4M9 5.500 11 3.500l2 2',
  plus: 'M8 3.500v9M3.500 8h9',
  minus: 'M3.500 8h9',
  fit: 'M2.500 5.500v-3h3M13.500 5.500v-3h-3M2.500 10.500v3h3M13.500 10.500v3h-3',
  leave: 'M6.500 13.500h-3c-.6 0-1-.4-1-1v-9c0-.6.4-1 1-1h3M10.500 11l3-3-3-3M13.500 8h-7',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what it means has to stand in text, or in the label of the button that it is on. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
