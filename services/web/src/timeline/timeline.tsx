export function Timeline(_: {
  conversation: unknown;
  head: unknown;
  openSpanId: string | null;
  openSpan: (id: string) => void;
}) {
  return null;
}
