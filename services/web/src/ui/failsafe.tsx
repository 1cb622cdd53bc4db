import { Component, type ReactNode } from 'react';
import { Notice } from './notice';

interface FailsafeProps {
  readonly children: ReactNode;
}

/** A mistake of the page itself: better said than a blank screen. What went wrong stands in the browser's console. */
export class Failsafe extends Component<FailsafeProps, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <main>
        <Notice title="The page ran into a mistake of its own" isFailure>
          <p>The conversations are safe. Reloading helps most of the time; the browser’s console says more.</p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Reload
          </button>
        </Notice>
      </main>
    );
  }
}
