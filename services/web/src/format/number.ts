const LOCALE = 'en-US';
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });

/** 1234567 -> "1,234,567". */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** 12345 -> "12.3K"; small numbers stay exact. */
export function formatCompact(count: number): string {
  return Math.abs(count) < 10_000 ? whole.format(count) : compact.format(count);
}

/** US dollars with as many digits as tell something: "$12.40", "$0.0123", "<$0.0001", "$0". */
export function formatCost(dollars: number): string {
  if (dollars === 0) return '$0';
  const size = Math.abs(dollars);
  const sign = dollars < 0 ? '-' : '';
  if (size < 0.0001) return `${sign}<$0.0001`;
  const digits = size >= 100 ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
  return `${sign}$${size.toLocaleString(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** "1 call", "3 calls". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 1536 -> "1.5 kB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let size = bytes / 1000;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}
