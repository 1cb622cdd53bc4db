import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Markdown } from './markdown';

const ATTACKS = [
  '<script>window.hacked = true</script>',
  '<img src=x onerror="window.hacked = true">',
  '<svg onload="window.hacked = true"></svg>',
  '<iframe src="javascript:window.hacked = true"></iframe>',
  '<a href="javascript:window.hacked = true">click</a>',
  '<style>body { display: none }</style>',
  '<form action="https://evil.example"><input></form>',
  '</div><script>window.hacked = true</script>',
  '![x](javascript:window.hacked=true)',
  '[x](javascript:window.hacked=true)',
  '[x](  JaVaScRiPt:window.hacked=true)',
  '[x](data:text/html,<script>window.hacked=true</script>)',
  '[x](vbscript:msgbox)',
  '[x](file:///etc/passwd)',
  '<javascript:window.hacked=true>',
  '[x]: javascript:window.hacked=true\n\n[x]',
];

test.each(ATTACKS)('%s does nothing', text => {
  const { container } = render(<Markdown text={text} />);
  expect(container.querySelectorAll('script, iframe, img, svg, style, form, object, embed, link, meta')).toHaveLength(
    0,
  );
  for (const element of container.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      expect(name).not.toMatch(/^on/);
      expect(value).not.toMatch(/^\s*(javascript|data|vbscript|file):/i);
    }
  }
});

test('raw HTML is shown as what was written', () => {
  render(<Markdown text={'before <b>bold?</b> after'} />);
  expect(screen.getByText('before <b>bold?</b> after')).toBeTruthy();
});

test('links open elsewhere and tell nothing about this page', () => {
  render(<Markdown text="[site](https://example.com/a?b=c)" />);
  const link = screen.getByRole('link', { name: 'site' });
  expect(link.getAttribute('href')).toBe('https://example.com/a?b=c');
  expect(link.getAttribute('rel')).toContain('noopener');
  expect(link.getAttribute('rel')).toContain('noreferrer');
  expect(link.getAttribute('target')).toBe('_blank');
});

test('an image is a link until the reader follows it', () => {
  const { container } = render(<Markdown text="![a cat](https://tracker.example/cat.png)" />);
  expect(container.querySelector('img')).toBeNull();
  expect(screen.getByRole('link', { name: 'Image: a cat' }).getAttribute('href')).toBe(
    'https://tracker.example/cat.png',
  );
});

test('tables, lists, code and emphasis are drawn', () => {
  const { container } = render(<Markdown text={'**b**\n\n- one\n\n| a |\n|---|\n| 1 |\n\n```js\nx\n```'} />);
  for (const selector of ['strong', 'li', 'td', 'pre code']) expect(container.querySelector(selector)).not.toBeNull();
});

test('a text too long to parse is shown as it is', () => {
  const { container } = render(<Markdown text={'# x '.repeat(40_000)} />);
  expect(container.querySelector('.is-plain')?.textContent).toHaveLength(160_000);
});
