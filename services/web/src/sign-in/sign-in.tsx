import { type FormEvent, useState } from 'react';
import { session, signIn } from '../api/session';
import { resetSocket } from '../api/socket';
import icon from '../icon.svg';
import { useObservable } from '../state/observable';

/** Asks for the token that the gateway demands. */
export function SignIn() {
  const { refused } = useObservable(session);
  const [token, setToken] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const trimmed = token.trim();
    if (trimmed === '') return;
    resetSocket();
    signIn(trimmed);
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <img src={icon} alt="" width="36" height="36" />
        <h1>Sign in to Colloquy</h1>
        <p>This gateway shows conversations to those who have a token. Its operator gives them out.</p>
        {refused && (
          <p className="sign-in-refused" role="alert">
            The gateway refused the last token. It may be wrong, or have been withdrawn.
          </p>
        )}
        <label>
          Token
          <input
            className="input mono"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            value={token}
            onChange={event => setToken(event.target.value)}
          />
        </label>
        <button type="submit" className="button is-primary" disabled={token.trim() === ''}>
          Sign in
        </button>
        <p className="muted">The token stays in this tab and is forgotten when it is closed.</p>
      </form>
    </main>
  );
}
