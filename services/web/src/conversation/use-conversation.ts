import { useEffect, useState } from 'react';
import type { ConversationRef } from '../api/model';
import { ConversationStore } from './conversation-store';

/** The store of a conversation, for as long as the component lives; another conversation takes another component. */
export function useConversation(ref: ConversationRef): ConversationStore {
  const [store] = useState(() => new ConversationStore(ref));
  useEffect(() => {
    store.start();
    return () => store.close();
  }, [store]);
  return store;
}
