import { useEffect, useState } from 'react';
import type { ConversationRef } from '../api/model';
import { ConversationStore } from './conversation-store';

/** The store of the conversation that is looked at; it ends with the component, or when another one is looked at. */
export function useConversation({ project, id }: ConversationRef): ConversationStore {
  const [store, setStore] = useState(() => new ConversationStore({ project, id }));
  const isSame = store.ref.project === project && store.ref.id === id;
  const present = isSame ? store : null;
  useEffect(() => {
    if (!present) {
      setStore(new ConversationStore({ project, id }));
      return;
    }
    present.start();
    return () => present.close();
  }, [present, project, id]);
  return store;
}
