//! Conversations in Redis: keys, codec, scripts, reads and notifications, shared by the writer and the readers.
