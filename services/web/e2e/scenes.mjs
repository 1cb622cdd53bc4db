// The conversations that the tests and pictures show, told on the stage.
import {
  agent,
  answer,
  ask,
  delegate,
  fail,
  failingTool,
  model,
  pause,
  regenerate,
  think,
  tool,
  user,
  withoutContent,
} from './stage.mjs';

const MINUTE = 60_000;

export const TRIP = { project: 'travel-desk', id: 'trip-7f3a91c2', ago_ms: 4 * MINUTE };
export const RESEARCH = { project: 'market-notes', id: '0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de', ago_ms: 12 * MINUTE };
export const REFUND = { project: 'support', id: 'ticket-88412', ago_ms: 25 * MINUTE };
export const SILENT = { project: 'support', id: 'ticket-88377', ago_ms: 47 * MINUTE };
export const UNPRICED = { project: 'ops-bot', id: 'incident-311', ago_ms: 55 * MINUTE };

/** What of a conversation is run when a page takes it for its own text. */
const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>';
export const ATTACK = { project: `p${HOSTILE}`, id: `i"'${HOSTILE}/../?#`, ago_ms: 70 * MINUTE };

export const path = ({ project, id }) => `/conversations/${encodeURIComponent(project)}/${encodeURIComponent(id)}`;

/** Plays all scenes but those named, oldest first, and waits until they are in the store. */
export async function playScenes(stage, except = []) {
  const scenes = [
    [ATTACK, attack],
    [UNPRICED, unpriced],
    [SILENT, silent],
    [REFUND, refund],
    [RESEARCH, research],
    [TRIP, trip],
  ];
  await bulk(stage);
  for (const [conversation, play] of scenes) if (!except.includes(conversation)) await play(stage);
  await stage.settle();
}

function trip(stage) {
  return stage.say(
    TRIP,
    user('traveller-204@example.com'),
    model('gpt-4.1'),
    agent('concierge', 'You plan trips. Check availability before you promise anything. Prices in euros.'),
    ask(
      'I need to be in **Lisbon** on Thursday morning and back in Berlin on Saturday night. Carry-on only. What would you do?',
    ),
    think('Thursday morning needs an early flight, or a night in Lisbon. Look at both.'),
    tool(
      'search_flights',
      { from: 'BER', to: 'LIS', date: '2026-11-26', bags: 0 },
      {
        flights: [
          { no: 'TP 535', leaves: '06:10', price_eur: 148.2 },
          { no: 'U2 4617', leaves: '19:35', price_eur: 96.4 },
        ],
      },
      920,
    ),
    tool(
      'search_flights',
      { from: 'LIS', to: 'BER', date: '2026-11-28', after: '18:00' },
      { flights: [{ no: 'TP 534', leaves: '18:40', price_eur: 131 }] },
      1_200,
    ),
    tool('get_weather', { city: 'Lisbon', days: 3 }, { high_c: [17, 18, 16], rain: [false, true, false] }, 240),
    answer(
      'Two ways to be there on Thursday morning:\n\n| | Flight | Leaves | Arrives | Price |\n|---|---|---|---|---|\n| **Early** | TP 535 | Thu 06:10 | 09:05 | €148.20 |\n| **Evening before** | U2 4617 | Wed 19:35 | 22:25 | €96.40 |\n\nBack on Saturday with **TP 534**, 18:40 → 23:20, €131.00. The evening flight saves about €52 but needs a night in Lisbon, so I would take the early one.\n\nShall I hold TP 535 and TP 534 for you?',
      1_900,
    ),
    pause(14_000),
    ask('Yes, hold both. Window seats if there are any.'),
    failingTool(
      'hold_booking',
      { flights: ['TP 535', 'TP 534'], seat: 'window' },
      'seat map not available for TP 534',
      2_400,
    ),
    tool(
      'hold_booking',
      { flights: ['TP 535', 'TP 534'] },
      { hold: 'H-20931', until: '2026-11-25T18:00', total_eur: 279.2 },
      1_300,
    ),
    answer(
      'Both flights are on hold until Wednesday 18:00 (hold `H-20931`, €279.20 with carry-on). The seat map of TP 534 did not answer, so its seat is chosen at check-in; TP 535 has **14A** at the window.',
      1_500,
    ),
    pause(9_000),
    ask('Great. Anything I should know about the airport?'),
    answer(
      'Security at BER opens at 03:30. For a 06:10 flight be there by 04:45: before five, only two lanes are open.',
      1_100,
    ),
  );
}

function research(stage) {
  return stage.say(
    RESEARCH,
    user('analyst-3'),
    model('gpt-4.1'),
    agent('editor', 'You write one-page briefings. Send researchers out first, and cite what they bring.'),
    ask('One page on heat pumps in apartment buildings: costs, noise, and what tenants say. With numbers, please.'),
    think('Two topics that can be looked into separately: costs with noise, and tenants.'),
    delegate(
      'delegate_research',
      'researcher',
      'Find costs and noise of heat pumps in apartment buildings. Numbers with sources.',
      tool('web_search', { query: 'air source heat pump apartment building cost per flat' }, { results: 8 }, 1_900),
      tool('web_search', { query: 'heat pump noise level courtyard dB night' }, { results: 5 }, 2_300),
      failingTool('fetch_page', { url: 'https://example.org/retrofit-study' }, 'no answer within 2.5 s', 2_600),
      answer(
        'Costs: €9,000–14,000 per flat when the radiators stay, €18,000 when they do not. Noise: 35 dB in the courtyard at night, below the limit of 40.',
        1_300,
      ),
    ),
    delegate(
      'delegate_research',
      'researcher',
      'What do tenants say about heat pumps? Surveys, not anecdotes.',
      answer('Two surveys: 71 % notice no difference, 18 % find rooms warm up slowly.', 1_400),
    ),
    answer('## Heat pumps\n\nThere is far too much to say for one page.', 1_200),
    pause(6_000),
    regenerate,
    answer(
      '## Heat pumps in apartment buildings\n\n**Costs.** €9,000–14,000 per flat when the radiators stay.\n\n**Noise.** 35 dB at night in the courtyard; the limit is 40.\n\n**Tenants.** 71 % notice no difference, 18 % find that rooms warm up slowly.',
      5_400,
    ),
    pause(9_000),
    ask('Shorter, for a slide.'),
    answer('- €9–14 k per flat\n- 35 dB at night (limit 40)\n- 7 of 10 tenants notice nothing', 900),
  );
}

function refund(stage) {
  return stage.say(
    REFUND,
    user('customer-5512@example.net'),
    agent('triage', 'You find out what is wrong and hand over. Never promise money.'),
    ask('I was charged twice for order 88412. Please refund one of them.'),
    tool(
      'lookup_order',
      { order: 88412 },
      {
        charges: [
          { id: 'ch_1', eur: 59 },
          { id: 'ch_2', eur: 59 },
        ],
      },
      210,
    ),
    agent('billing', 'You handle money. Refund what was charged by mistake.'),
    tool('refund', { charge: 'ch_2' }, { refund: 're_93', eur: 59 }, 480),
    answer(
      'You were charged twice indeed. The second charge, **€59.00**, is on its way back: two to five days.',
      1_200,
    ),
    pause(20_000),
    ask('Thanks! Could you also send me the invoice?'),
    fail('rate_limit_exceeded', '429: too many requests for this organisation, retry in 2 s', 180),
    pause(4_000),
    ask('Hello? The invoice, please.'),
    answer('Sorry for the wait: the invoice is in your mailbox.', 800),
    pause(3_000),
    ask('Thank you.'),
    answer('You are welcome.', 500),
  );
}

function silent(stage) {
  return stage.say(
    SILENT,
    withoutContent,
    agent('triage', ''),
    ask('nobody may read this'),
    tool('lookup_order', { order: 4711 }, { secret: true }, 300),
    answer('nor this', 1_000),
    pause(9_000),
    ask('nor that'),
    answer('and not this either', 700),
  );
}

function unpriced(stage) {
  return stage.say(
    UNPRICED,
    user('on-call'),
    agent('operator', 'You watch machines.'),
    ask('Why did the disk alarm come late?'),
    answer('Its threshold was 95 %. The disk filled from 90 % to 100 % within two minutes.', 1_100),
    pause(8_000),
    model('house-model-7b'),
    ask('Set it to 80 %.'),
    answer('The threshold is 80 % now.', 600),
  );
}

function attack(stage) {
  return stage.say(
    ATTACK,
    user(`u${HOSTILE}`),
    model(`m${HOSTILE}`),
    agent(`a${HOSTILE}`, `s${HOSTILE}`),
    ask(
      `${HOSTILE}\n\n[click](javascript:window.hacked=3) ![pixel](https://evil.example/p.png) <iframe src="javascript:window.hacked=4"></iframe>`,
    ),
    think(`r${HOSTILE}`),
    tool(`t${HOSTILE}`, { [`k${HOSTILE}`]: HOSTILE }, HOSTILE, 100),
    failingTool(`f${HOSTILE}`, HOSTILE, `e${HOSTILE}`, 100),
    answer(
      `${HOSTILE}\n\n<a href="javascript:window.hacked=5">x</a> [data](data:text/html,<script>window.hacked=6</script>)\n\n\`\`\`html\n${HOSTILE}\n\`\`\``,
      100,
    ),
    pause(1_000),
    ask('and now?'),
    fail(`k${HOSTILE}`, `m${HOSTILE}`),
  );
}

const QUESTIONS = [
  [
    'How do I rotate the signing key?',
    'search_docs',
    'Create the new key, add it beside the old one, wait a day, then remove the old one.',
  ],
  [
    'Summarise yesterday’s incidents',
    'run_query',
    'The disk alarm came twenty minutes late. Its threshold is now 80 %.',
  ],
  ['Translate this clause into plain English', null, 'You may leave with one month’s notice, in writing.'],
  [
    'Why is the build red?',
    'read_log',
    'The same port is used by two other tests; they pass only because they run later.',
  ],
  ['Draft a reply to the landlord', 'send_mail', 'Here is a draft that stays friendly and asks for a date.'],
  ['Which invoices are overdue?', 'run_query', '2044 has a reminder already; the other two have none.'],
  ['Plan a vegetarian week for two', null, 'Monday: lentil soup. Tuesday: roast pumpkin …'],
  ['Explain the new retention rule', 'lookup_order', 'Exports older than 14 days have to be made before Friday.'],
];
const PROJECTS = ['travel-desk', 'support', 'ops-bot', 'market-notes'];
/** More than a page of the list. */
export const BULK = 70;

async function bulk(stage) {
  for (let index = 0; index < BULK; index += 1) {
    const [question, name, reply] = QUESTIONS[index % QUESTIONS.length];
    const ago_ms = (75 + index * 9) * MINUTE;
    const used = name === null ? [] : [tool(name, { number: index }, { found: index % 3 }, 200 + index)];
    await stage.say(
      { project: PROJECTS[index % PROJECTS.length], id: `c-${(0x15f91 + index * 2_654_435).toString(16)}`, ago_ms },
      user(`user${index % 12}@example.com`),
      model(index % 2 === 0 ? 'gpt-4o-mini' : 'gpt-4.1-mini'),
      agent('helper', 'You help.'),
      ask(question),
      ...used,
      answer(reply, 700 + index * 10),
    );
  }
}
