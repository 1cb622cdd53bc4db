import { memo, type ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';

/** Longer texts are drawn as plain text: parsing megabytes of Markdown would block the page. */
const MARKDOWN_CHARS_MAX = 100_000;

const PLUGINS = [remarkGfm];

/**
 * What a model or a user wrote is untrusted. No raw HTML is drawn, `react-markdown` lets only safe protocols through,
 * links tell the other side nothing about this page, and images are links until the reader follows them: loading one
 * would tell its server who reads what.
 */
const COMPONENTS: Components = {
  a: ({ href, children }) => <SafeLink href={href}>{children}</SafeLink>,
  img: ({ src, alt }) => (
    <SafeLink href={typeof src === 'string' ? src : undefined}>{`Image: ${alt || 'without description'}`}</SafeLink>
  ),
  // Focusable, so that a wide table can be scrolled by keyboard.
  table: ({ children }) => (
    <div className="table-scroller" tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  // The corner of a table is often empty, and an empty heading is none.
  th: ({ children, style }) => (children ? <th style={style}>{children}</th> : <td />),
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
  // Headings of a message must not mix with the headings of the page.
  h1: ({ children }) => <p className="md-heading is-1">{children}</p>,
  h2: ({ children }) => <p className="md-heading is-2">{children}</p>,
  h3: ({ children }) => <p className="md-heading">{children}</p>,
  h4: ({ children }) => <p className="md-heading">{children}</p>,
  h5: ({ children }) => <p className="md-heading">{children}</p>,
  h6: ({ children }) => <p className="md-heading">{children}</p>,
  input: ({ checked }) => <span>{checked ? '☑' : '☐'}</span>,
};

function SafeLink({ href, children }: { href: string | undefined; children: ReactNode }) {
  const isWeb = href !== undefined && /^(https?:|mailto:)/i.test(href);
  if (!isWeb) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** A message's text as Markdown, safe for any text. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  if (text.length > MARKDOWN_CHARS_MAX) return <div className="markdown is-plain">{text}</div>;
  return (
    <div className="markdown">
      <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS} skipHtml={false}>
        {text}
      </ReactMarkdown>
    </div>
  );
});
