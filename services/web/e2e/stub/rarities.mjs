// What seldom happens and has to be shown all the same: contexts that were cut, calls without an end, spans that are
// missing, values that are far too long.
import { StubConversation } from './conversation.mjs';
import { Script } from './script.mjs';

const HOUR = 3_600_000;

export function rarities(now) {
  return [migration(now - 26 * HOUR), patchy(now - 31 * HOUR), wordless(now - 33 * HOUR)];
}

const RUNBOOK = `You are the operator of the billing cluster.

1. Read before you write. Every change is announced in the channel first.
2. Never run a migration on the primary while the replica lags more than 30 s.
3. Stop and ask when two numbers disagree.
${Array.from({ length: 18 }, (_, line) => `${line + 4}. Rule ${line + 4} of the runbook: keep the old table until the new one has been read for a day.`).join('\n')}`;

const ROWS = Array.from({ length: 60 }, (_, row) => ({
  invoice: 2_041 + row,
  customer: `c-${5_500 + row}`,
  due: `2026-10-${String((row % 28) + 1).padStart(2, '0')}`,
  total_eur: 12.5 * (row + 1),
  paid: row % 3 === 0,
}));

/** A long way through a compacted context, sub-agents of sub-agents and calls that nobody waited for. */
function migration(startedAt) {
  const conversation = new StubConversation({
    project: 'ops-bot',
    id: 'migration-2026-11-billing-invoices-v2-and-the-old-table',
    startedAt,
    user: { id: 'on-call', email: null, name: null, ipAddress: null },
  });
  const script = new Script(conversation, { agent: 'operator', model: 'claude-sonnet-4', provider: 'anthropic' });
  script.system(RUNBOOK).system('You are the operator. The migration has begun: answer in one line.');
  script.user(
    'Move the invoices to the new table, compare the sums, and tell me before you drop anything. The log of the last attempt is at https://logs.example.com/runs/2026-11-24T03:10:00Z/billing/invoices/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  );
  script.assistant('I count first.', {
    reasoning:
      'The two sums have to agree before anything is dropped. I count both tables, look at the lag, and ask the replica too.',
    parallel: true,
    tools: [
      { name: 'run_query', args: { sql: 'select * from invoices where due < now()' }, result: ROWS, ms: 2_400 },
      ...['primary', 'replica', 'archive', 'queue', 'cache'].map(name => ({
        name: 'read_lag',
        args: { of: name },
        result: `${name}: 4 s`,
      })),
      { name: 'read_lag', args: { of: 'backup' }, error: { type: 'Timeout', message: 'no answer within 2 s' } },
      { name: 'notify_channel', args: { text: 'Counting.' }, result: 'ok' },
    ],
  });
  audit(script, conversation);
  compacted(script);
  return conversation;
}

function audit(script, conversation) {
  const opener = script.assistant('The sums differ by one invoice. I have it looked at.', {
    tools: [{ name: 'delegate_audit', args: { invoice: 2_044 }, result: 'Found: entered twice.' }],
  });
  script.subAgent(opener, { agent: 'auditor', model: 'gpt-4.1', provider: 'openai' }, inner => {
    inner.user('Why do the tables differ by invoice 2044?');
    const asked = inner.assistant(null, {
      tools: [{ name: 'delegate_lookup', args: { table: 'invoices_old' }, result: 'twice' }],
    });
    inner.subAgent(asked, { agent: 'clerk', model: 'house-model-7b', provider: 'vllm' }, clerk => {
      clerk.user('How often does invoice 2044 stand in invoices_old?');
      clerk.assistant('Twice: rows 88 and 91.', { input: 300, output: 12 });
    });
    inner.assistant('It was entered twice in the old table.', { input: 700, output: 18 });
  });
  conversation.message('TOOL', null, {
    parts: [{ type: 'TOOL_RESULT', json: { id: 'call_7', result: { table: 'invoices_v2', rows: 18_204 } } }],
  });
}

/** The client summed the beginning up, and the model was no longer given it. */
function compacted(script) {
  script.wait(9 * HOUR).turn();
  script.user(
    'The conversation so far: the invoices were counted in both tables. They differ by invoice 2044, which the old table holds twice. Nothing has been dropped.',
    { summary: true },
  );
  script.user('Good. Go on, and drop the copy.');
  script.assistant(null, {
    unseenMessages: 14,
    tools: [
      { name: 'drop_copy', args: { row: 91 }, pending: true, abandoned: true },
      { name: 'notify_channel', args: { text: 'Dropped row 91.' }, result: 'ok' },
    ],
  });
  script.assistant('The copy is gone, both sums are now €1,930,204.50, and the next thing that I would', {
    finishReason: 'length',
    kinds: { reasoning: 96 },
  });
  script.wait(30_000).user('Stop. Is the replica still behind?');
  script.assistant('No.', { superseded: true });
  script.assistant('Let me look.', {
    tools: [{ name: 'read_lag', args: { of: 'replica' }, pending: true }],
  });
}

/** Put together from traces without an id, with gaps. */
function patchy(startedAt) {
  const conversation = new StubConversation({
    project: 'market-notes',
    id: '4bf92f3577b34da6a3ce929d0e0e4736',
    startedAt,
    inferred: true,
  });
  Object.assign(conversation, { omittedSpans: 1_204, missingParents: 2, repeatedReports: 3 });
  const script = new Script(conversation, { agent: null, model: 'house-model-7b', provider: null });
  script.user(null, { contentCaptured: false });
  script.assistant('Three quarters of the interviews are transcribed.', { input: 2_100, output: 40 });
  script.user('And the rest?');
  script.assistant(null, { finishReason: 'content_filter', input: 2_300, output: 4, contentCaptured: false });
  return script.finish(3);
}

/** Spans, but nobody says anything. */
function wordless(startedAt) {
  const conversation = new StubConversation({ project: 'ops-bot', id: 'search-index', startedAt });
  conversation.span('EMBEDDINGS', 'embeddings text-embedding-3-small', startedAt, startedAt + 420, {
    requestModel: 'text-embedding-3-small',
    responseModel: 'text-embedding-3-small',
    provider: 'openai',
  });
  return conversation;
}
