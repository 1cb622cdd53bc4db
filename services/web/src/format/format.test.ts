import { expect, test } from 'vitest';
import { formatBytes, formatCompact, formatCost, plural } from './number';
import { preview, shortId, title, userName } from './text';
import { formatAgo, formatDuration, formatMinute, formatUtc, parseTime } from './time';

test('costs have as many digits as tell something', () => {
  const costs = [0, 0.00004, 0.00071, 0.0123, 0.5, 12.4, 1234.5, -0.5];
  expect(costs.map(formatCost)).toEqual([
    '$0',
    '<$0.0001',
    '$0.0007',
    '$0.012',
    '$0.500',
    '$12.40',
    '$1,235',
    '-$0.500',
  ]);
});

test('counts are exact while they are short', () => {
  expect([0, 999, 9999, 12_345, 2_150_000].map(formatCompact)).toEqual(['0', '999', '9,999', '12.3K', '2.2M']);
  expect([plural(1, 'call'), plural(0, 'call'), plural(2, 'reply', 'replies')]).toEqual([
    '1 call',
    '0 calls',
    '2 replies',
  ]);
  expect([0, 999, 1536, 182_400, 5_000_000].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '182 kB', '5.0 MB']);
});

test('durations change their unit without a jump', () => {
  const durations = [
    0, 0.4, 840, 999.6, 3210, 9960, 59_400, 59_600, 192_000, 3_600_000, 5_400_000, 86_400_000, 90_000_000,
  ];
  expect(durations.map(formatDuration)).toEqual([
    '0 ms',
    '<1 ms',
    '840 ms',
    '1.0 s',
    '3.2 s',
    '10 s',
    '59 s',
    '1m',
    '3m 12s',
    '1h',
    '1h 30m',
    '1d',
    '1d 1h',
  ]);
});

test('a clock that is a little ahead is now, not the future', () => {
  const now = Date.UTC(2026, 10, 23, 12);
  const ago = (ms: number) => formatAgo(new Date(now - ms).toISOString(), now);
  expect([-5_000, 0, 12_000, 300_000, 7_200_000, 172_800_000].map(ago)).toEqual([
    'just now',
    'just now',
    '12s ago',
    '5m ago',
    '2h ago',
    '2d ago',
  ]);
});

test('microseconds survive', () => {
  const time = parseTime('2026-11-23T06:00:00.123456Z');
  expect(time - Date.UTC(2026, 10, 23, 6)).toBeCloseTo(123.456, 3);
  expect(parseTime('2026-11-23T06:00:00Z')).toBe(Date.UTC(2026, 10, 23, 6));
  expect(formatUtc('2026-11-23T06:00:00.123456Z')).toBe('2026-11-23 06:00:00.123456 UTC');
});

test('a preview is one plain line', () => {
  expect(preview('# Title\n\n- **bold** [link](https://x.example) `code`')).toBe('Title bold link code');
  expect(preview('before\n```js\nconst x = 1;\n```\nafter')).toBe('before ⟨code⟩ after');
  expect(preview(' \n ')).toBeNull();
  expect(preview('x'.repeat(1000))).toHaveLength(281);
});

test('what stands for a conversation and a user', () => {
  expect(title({ firstInput: null, id: 'c-1' })).toBe('c-1');
  expect(userName({ id: 'u', email: 'e', name: null, ipAddress: null })).toBe('e');
  expect(userName(null)).toBeNull();
  expect(shortId('0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de')).toBe('0c9d1e52');
  expect(shortId('order-4711')).toBe('order-4711');
  expect(shortId('conversation-of-the-shop-with-4711')).toBe('conversation-…hop-with-4711');
});

test('morning and evening are told apart without seconds', () => {
  expect(formatMinute('2026-11-23T06:00:00Z')).not.toBe(formatMinute('2026-11-23T18:00:00Z'));
});
