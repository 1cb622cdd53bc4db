export function SpanPane(_: {
  conversation: unknown;
  spanId: string;
  traceUrlTemplate: string | null;
  onClose: () => void;
}) {
  return null;
}
