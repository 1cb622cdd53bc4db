// What the stub serves: conversations that hold every case the page has to show.
import { StubConversation } from './conversation.mjs';
import { Script } from './script.mjs';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function scenarios(now) {
  return [
    trip(now - 4 * MINUTE),
    research(now - 11 * MINUTE),
    refund(now - 26 * MINUTE),
    uncaptured(now - 48 * MINUTE),
    hostile(now - 70 * MINUTE),
    ...filler(now),
    long(now - 30 * HOUR),
  ];
}

function trip(startedAt) {
  const conversation = new StubConversation({
    project: 'travel-desk',
    id: 'trip-7f3a91c2',
    startedAt,
    user: { id: 'u-204', email: 'traveller-204@example.com', name: null, ipAddress: null },
  });
  const script = new Script(conversation);
  script.system(
    'You are the concierge of a travel desk. Be brief, quote prices with taxes, and never book without a clear yes.',
  );
  script.invoke(() => {
    script.user(
      'I need to be in **Lisbon** on Thursday morning and back in Berlin on Saturday night. Carry-on only. What would you do?',
    );
    script.assistant(null, {
      reasoning:
        'Thursday morning means a Wednesday evening flight or the first one on Thursday. I should look for both, and for the return on Saturday after 18:00.',
      parallel: true,
      input: 1_240,
      output: 96,
      kinds: { reasoning: 52 },
      tools: [
        {
          name: 'search_flights',
          args: { from: 'BER', to: 'LIS', date: '2026-11-26', bags: 0 },
          ms: 920,
          result: {
            offers: [
              { flight: 'TP 535', departs: '06:10', arrives: '09:05', price_eur: 148.2 },
              { flight: 'U2 4617', departs: '19:35', arrives: '22:25', price_eur: 96.4, date: '2026-11-25' },
            ],
          },
        },
        {
          name: 'search_flights',
          args: { from: 'LIS', to: 'BER', date: '2026-11-28', after: '18:00', bags: 0 },
          ms: 1_180,
          result: { offers: [{ flight: 'TP 534', departs: '18:40', arrives: '23:20', price_eur: 131 }] },
        },
        {
          name: 'get_weather',
          args: { city: 'Lisbon', days: 3 },
          ms: 240,
          result: { forecast: ['18° light rain', '19° sun', '17° clouds'] },
        },
      ],
    });
    script.assistant(
      'Two ways to be there on Thursday morning:\n\n| | Flight | Leaves | Arrives | Price |\n|---|---|---|---|---|\n| **Early** | TP 535 | Thu 06:10 | 09:05 | €148.20 |\n| **Evening before** | U2 4617 | Wed 19:35 | 22:25 | €96.40 |\n\nBack on Saturday with **TP 534**, 18:40 → 23:20, €131.00. The evening flight saves about €52 but needs a night in Lisbon, so I would take the early one.\n\nShall I hold TP 535 and TP 534 for you?',
      { input: 1_890, output: 164, kinds: { cached: 1_152 } },
    );
  });
  script.wait(40_000).turn();
  script.invoke(() => {
    script.user('Yes, hold both. Window seats if there are any.', {
      parts: [
        { type: 'TEXT', text: 'Yes, hold both. Window seats if there are any.' },
        {
          type: 'MEDIA',
          mimeType: 'image/png',
          uri: 'https://files.example.com/seat-map.png',
          json: { sizeBytes: 182_400 },
        },
      ],
    });
    script.assistant(null, {
      input: 2_110,
      output: 61,
      kinds: { cached: 1_792 },
      tools: [
        {
          name: 'hold_booking',
          args: { flights: ['TP 535', 'TP 534'], seat: 'window' },
          ms: 1_450,
          error: { type: 'SeatMapUnavailable', message: 'TP 534: the seat map cannot be reached (upstream 503)' },
        },
      ],
    });
    script.assistant(null, {
      input: 2_240,
      output: 48,
      kinds: { cached: 2_048 },
      tools: [
        {
          name: 'hold_booking',
          args: { flights: ['TP 535', 'TP 534'], seat: null },
          ms: 1_210,
          result: { hold: 'H-20931', until: '2026-11-25T18:00:00Z', total_eur: 279.2 },
        },
      ],
    });
    script.assistant(
      'Both flights are on hold until **Wednesday 18:00** (hold `H-20931`, €279.20 with taxes).\n\nThe seat map of TP 534 did not answer, so seats are still open. I will ask again before the hold ends.',
      { input: 2_330, output: 88, kinds: { cached: 2_048 } },
    );
  });
  return conversation;
}

function research(startedAt) {
  const conversation = new StubConversation({
    project: 'market-notes',
    id: '0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de',
    startedAt,
    environment: 'staging',
    user: { id: 'analyst-3', email: null, name: null, ipAddress: null },
  });
  const script = new Script(conversation, { agent: 'editor', model: 'claude-sonnet-4', provider: 'anthropic' });
  script.system('You are the editor. Give research to your researchers and write one page from what they bring.');
  script.invoke(() => {
    script.user(
      'One page on heat pumps in apartment buildings: costs, noise, and what tenants say. With numbers, please.',
    );
    const costs = script.assistant('I will send out two researchers.', {
      input: 2_600,
      output: 210,
      kinds: { written: 2_048 },
      reasoning: 'Costs and noise are one search, the tenants another. They can run side by side.',
      tools: [
        {
          name: 'delegate_research',
          args: { topic: 'costs and noise of heat pumps in apartment buildings' },
          result: 'See notes: costs, noise.',
        },
      ],
    });
    script.subAgent(costs, { agent: 'researcher', model: 'gpt-4.1-mini', provider: 'openai' }, inner => {
      inner.user('Find costs and noise of heat pumps in apartment buildings. Numbers with sources.');
      inner.assistant(null, {
        input: 700,
        output: 60,
        parallel: true,
        tools: [
          {
            name: 'web_search',
            args: { query: 'air source heat pump apartment building cost per flat' },
            ms: 1_900,
            result: { hits: 8, top: ['Retrofit study, 212 buildings', 'Agency guide 2026'] },
          },
          {
            name: 'web_search',
            args: { query: 'heat pump noise level courtyard dB night' },
            ms: 2_300,
            result: { hits: 5, top: ['Field measurements, 40 courtyards'] },
          },
          {
            name: 'fetch_page',
            args: { url: 'https://example.org/retrofit-study' },
            ms: 2_600,
            error: { type: 'Timeout', message: 'no answer within 2.5 s' },
          },
        ],
      });
      inner.assistant(
        '- **Cost**: €9,000–14,000 per flat with new risers, €6,000–8,500 where the risers stay.\n- **Noise**: 35–42 dB(A) at the nearest window at night; 3 of 40 courtyards were above the limit.',
        { input: 1_900, output: 180 },
      );
    });
    const tenants = script.assistant(null, {
      input: 3_100,
      output: 80,
      kinds: { cached: 2_048 },
      tools: [{ name: 'delegate_research', args: { topic: 'what tenants say' }, result: 'See notes: tenants.' }],
    });
    script.subAgent(tenants, { agent: 'researcher', model: 'gpt-4.1-mini', provider: 'openai' }, inner => {
      inner.user('What do tenants in retrofitted buildings say? Look for surveys.');
      inner.assistant(
        'Three surveys, 1,840 households: **71 %** satisfied, **18 %** neutral, **11 %** complain, mostly about the months of building work.',
        { input: 900, output: 140 },
      );
    });
    script.assistant('# Heat pumps in apartment buildings\n\nHeat pumps cost **too much**.', {
      input: 4_000,
      output: 90,
      superseded: true,
    });
    script.assistant(
      '# Heat pumps in apartment buildings\n\n**Costs.** €9,000–14,000 per flat when the risers are renewed, €6,000–8,500 when they stay.\n\n**Noise.** 35–42 dB(A) at the nearest window at night. Three of forty measured courtyards exceeded the limit; all three had the unit under an overhang.\n\n**Tenants.** Of 1,840 households asked, 71 % are satisfied, 11 % are not. The complaint is the building work, not the heat.\n\n> Open: the retrofit study could not be fetched, so its cost figures come from its abstract.\n\n```python\nper_flat = [9_000, 14_000]\nprint(sum(per_flat) / len(per_flat))  # 11500.0\n```',
      { input: 4_200, output: 420, ms: 6_800, kinds: { cached: 3_072 } },
    );
  });
  conversation.relatedKeys = ['travel-desk\u0000trip-7f3a91c2'];
  return script.finish();
}

function refund(startedAt) {
  const conversation = new StubConversation({
    project: 'support',
    id: 'ticket-88412',
    startedAt,
    user: { id: 'c-5512', email: 'customer-5512@example.net', name: null, ipAddress: '203.0.113.8' },
  });
  const script = new Script(conversation, { agent: 'triage', model: 'gpt-4.1-mini', provider: 'openai' });
  script.user('I was charged twice for order 88412. Please refund one.');
  script.assistant(null, {
    tools: [
      {
        name: 'lookup_order',
        args: { order: 88412 },
        result: {
          order: 88412,
          charges: [
            { id: 'ch_1', eur: 59.9 },
            { id: 'ch_2', eur: 59.9 },
          ],
        },
      },
    ],
    input: 640,
    output: 38,
  });
  script.assistant('I see two charges of €59.90. Handing over to billing.', {
    input: 720,
    output: 41,
    finishReason: 'handoff',
  });
  script.voice = { agent: 'billing', model: 'house-model-7b', provider: 'vllm' };
  script.assistant(null, {
    input: 800,
    output: 30,
    error: { type: 'RateLimitError', message: '429: quota exceeded, try again in 20 s' },
  });
  script.wait(20_000);
  script.assistant('Refunded **€59.90** to your card (`re_7731`). It takes three to five days to show.', {
    input: 830,
    output: 52,
    tools: [
      {
        name: 'refund',
        args: { charge: 'ch_2', amount_eur: 59.9 },
        result: { refund: 're_7731', status: 'succeeded' },
      },
    ],
  });
  script.wait(60_000).turn().user('Thank you!');
  script.assistant('You are welcome.', { input: 900, output: 8, ms: 600 });
  return script.finish(2);
}

function uncaptured(startedAt) {
  const conversation = new StubConversation({ project: 'support', id: 'ticket-88377', startedAt });
  const script = new Script(conversation, { agent: 'triage', model: 'gpt-4.1', provider: 'openai' });
  for (let turn = 0; turn < 3; turn += 1) {
    script.user(null, { contentCaptured: false });
    script.assistant(null, {
      contentCaptured: false,
      input: 500 + turn * 300,
      output: 90,
      tools: turn === 1 ? [{ name: 'lookup_order', args: null, result: null }] : [],
    });
    script.wait(9_000);
  }
  return script.finish();
}

function hostile(startedAt) {
  const conversation = new StubConversation({
    project: 'support',
    id: '<img src=x onerror=alert(1)>',
    startedAt,
    user: { id: '"><script>alert(2)</script>', email: null, name: null, ipAddress: null },
  });
  const script = new Script(conversation, { agent: '<b>agent</b>', model: 'gpt-4.1', provider: 'openai' });
  script.user(
    '<script>window.hacked = true</script><img src="https://tracker.example/p.gif" onerror="window.hacked = true"> [click](javascript:window.hacked=true)',
  );
  script.assistant(
    '![pixel](https://tracker.example/pixel.gif) <iframe src="javascript:window.hacked=true"></iframe> [data](data:text/html,<script>window.hacked=true</script>) [ok](https://example.com/page)',
    {
      tools: [
        {
          name: '<svg onload=alert(3)>',
          args: { html: '<img src=x onerror="window.hacked=true">', __proto__: 1 },
          result: '</script><script>window.hacked = true</script>',
        },
      ],
    },
  );
  return script.finish();
}

const ASKED = [
  'How do I rotate the signing key?',
  'Summarise yesterday’s incidents',
  'Translate this clause into plain English',
  'Why is the build red?',
  'Draft a reply to the landlord',
  'Which invoices are overdue?',
  'Plan a vegetarian week for two',
  'Explain the new retention rule',
];
const TOLD = [
  'Create the new key, add it beside the old one, wait a day, then remove the old one.',
  'Two incidents, both resolved: a full disk at 03:10 and a slow query at 14:25.',
  'You may leave with one month’s notice, in writing.',
  'A test waits for a port that is already taken. I have opened a fix.',
  'Here is a draft that stays friendly and asks for a date.',
  'Three: 2041, 2044 and 2052, together €1,930.',
  'Monday: lentil soup. Tuesday: roast pumpkin …',
  'Logs are now kept for 14 days instead of 30.',
];
const TOLD_MORE = [
  'Keep the old key for a day after the last client has changed: the audit log shows who still uses it.',
  'The disk alarm came twenty minutes late. Its threshold is now 80 %.',
  'The deposit is a separate clause and stays untouched.',
  'The same port is used by two other tests; they pass only because they run later.',
  'Under local law the answer is due within two weeks.',
  '2044 has a reminder already; the other two have none.',
  'The pumpkin also makes the soup for Thursday.',
  'Exports older than 14 days have to be made before Friday.',
];
const TOOLS = ['search_docs', 'run_query', 'lookup_order', 'read_calendar', 'send_mail'];
const PROJECTS = ['travel-desk', 'support', 'ops-bot', 'market-notes'];

function filler(now) {
  return Array.from({ length: 240 }, (_, index) => {
    const conversation = new StubConversation({
      project: PROJECTS[index % 4],
      id: `c-${(index * 48271 + 90001).toString(16)}`,
      startedAt: now - 90 * MINUTE - index * 17 * MINUTE,
      environment: index % 3 === 0 ? 'staging' : 'production',
      user:
        index % 5 === 4
          ? null
          : { id: `u-${100 + (index % 23)}`, email: `user${index % 23}@example.com`, name: null, ipAddress: null },
    });
    const model = ['gpt-4.1', 'claude-sonnet-4', 'gpt-4.1-mini'][index % 3];
    const script = new Script(conversation, {
      agent: ['concierge', 'triage', 'oncall', 'editor'][index % 4],
      model,
      provider: index % 3 === 1 ? 'anthropic' : 'openai',
    });
    for (let turn = 0; turn <= index % 2; turn += 1) {
      script.user(turn === 0 ? ASKED[index % 8] : 'Anything else that I should know?');
      const tools =
        index % 3 !== 2
          ? [
              {
                name: TOOLS[index % 5],
                args: { q: 'x' },
                result: 'ok',
                error: index % 11 === 4 ? { type: 'Timeout', message: 'no answer' } : null,
              },
            ]
          : [];
      script.assistant((turn === 0 ? TOLD : TOLD_MORE)[index % 8], {
        input: 600 + index * 13 + turn * 900,
        output: 60 + (index % 50) * 4,
        tools,
      });
      script.wait(12_000);
    }
    return script.finish();
  });
}

function long(startedAt) {
  const conversation = new StubConversation({
    project: 'ops-bot',
    id: 'marathon-5000',
    startedAt,
    user: { id: 'u-1', email: 'oncall@example.com', name: null, ipAddress: null },
  });
  const script = new Script(conversation, { agent: 'oncall', model: 'gpt-4.1', provider: 'openai' });
  for (let turn = 0; turn < 2_500; turn += 1) {
    script.user(`Question ${turn + 1}: ${ASKED[turn % 8]}`);
    script.history = [];
    script.assistant(
      `**Answer ${turn + 1}.** ${TOLD[turn % 8]}${turn % 9 === 0 ? `\n\n- first\n- second\n- third\n\n\`\`\`\nline ${turn}\n\`\`\`` : ''}`,
      {
        ms: 500,
        input: 800,
        output: 60,
        tools: turn % 6 === 0 ? [{ name: 'search_docs', args: { q: `topic ${turn}` }, result: `hit ${turn}` }] : [],
      },
    );
  }
  return script.finish();
}
