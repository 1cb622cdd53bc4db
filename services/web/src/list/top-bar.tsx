import type { ReactNode } from 'react';
import { connection } from '../api/connection';
import { session, signOut } from '../api/session';
import icon from '../icon.svg';
import { useObservable } from '../state/observable';
import { Icon } from '../ui/icon';
import { theme, toggleTheme } from '../ui/theme';
import { isPlainClick, navigate } from '../url/location';

/** The product's name, whether the page is live, and what concerns the reader. */
export function TopBar({ children, graphiqlUrl = null }: { children?: ReactNode; graphiqlUrl?: string | null }) {
  return (
    <header className="top-bar">
      <a
        className="brand"
        href="/"
        onClick={event => {
          if (!isPlainClick(event)) return;
          event.preventDefault();
          navigate('/');
        }}
      >
        <img src={icon} alt="" width="22" height="22" />
        <span>Colloquy</span>
      </a>
      {children}
      <div className="top-actions">
        {graphiqlUrl && (
          <a
            className="button is-quiet graphiql-link"
            href={graphiqlUrl}
            title="An editor for queries over the same data"
          >
            GraphQL
          </a>
        )}
        <ConnectionState />
        <ThemeButton />
        <SignOutButton />
      </div>
    </header>
  );
}

const STATES = {
  idle: null,
  connecting: { label: 'Connecting', dot: '' },
  live: { label: 'Live', dot: 'is-live' },
  reconnecting: { label: 'Reconnecting', dot: 'is-waiting' },
} as const;

export function ConnectionState() {
  const state = STATES[useObservable(connection)];
  return (
    <span className="connection" role="status">
      {state && (
        <>
          <span className={`dot ${state.dot}`} />
          <span className="connection-label">{state.label}</span>
        </>
      )}
    </span>
  );
}

export function ThemeButton() {
  const isDark = useObservable(theme) === 'dark';
  const label = isDark ? 'Light colours' : 'Dark colours';
  return (
    <button type="button" className="button is-quiet is-icon" aria-label={label} title={label} onClick={toggleTheme}>
      <Icon name={isDark ? 'sun' : 'moon'} />
    </button>
  );
}

function SignOutButton() {
  const { token } = useObservable(session);
  if (token === null) return null;
  return (
    <button type="button" className="button is-quiet is-icon" aria-label="Sign out" title="Sign out" onClick={signOut}>
      <Icon name="leave" />
    </button>
  );
}
