import { useEffect, useState } from 'react';
import { session } from './api/session';
import { loadSettings, type Settings } from './api/settings';
import { ConversationPage } from './conversation/conversation-page';
import { ListPage } from './list/list-page';
import { SignIn } from './sign-in/sign-in';
import { useObservable } from './state/observable';
import { SettingsContext } from './state/settings';
import { Notice } from './ui/notice';
import { useAddress } from './url/location';
import { parseRoute } from './url/route';

/** The page as its address has it. */
export function App() {
  const route = parseRoute(useAddress());
  const settings = useLoadedSettings();
  const { signInRequired, token } = useObservable(session);
  if (settings === null) return null;
  if (signInRequired || (settings.authRequired && token === null)) return <SignIn />;
  if (route.kind === 'unknown') {
    return (
      <main>
        <Notice title="There is no such page">
          <a href="/">All conversations</a>
        </Notice>
      </main>
    );
  }
  return (
    <SettingsContext value={settings}>
      {route.kind === 'conversation' && route.open ? (
        <ConversationPage conversation={route.open} route={route} settings={settings} />
      ) : (
        <ListPage route={route} settings={settings} />
      )}
    </SettingsContext>
  );
}

function useLoadedSettings(): Settings | null {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    void loadSettings().then(setSettings);
  }, []);
  return settings;
}
