// The states of what lies behind a conversation: menus, totals, the timeline, spans; and where the keyboard is.
import { REFUND, RESEARCH, TRIP } from '../scenes.mjs';
import { at, MIGRATION, openMenu } from './conversation.mjs';
import { SLOW_MS } from './list.mjs';

const timeline = conversation => ({ ...at(conversation, '?tab=timeline'), see: '.timeline-row' });

/** The totals stand behind the numbers of the head. */
const hover = index => async page => {
  await page.locator('.stat-hint').nth(index).hover();
  await page.getByRole('tooltip').waitFor();
};

const openSpan = selector => async page => {
  await page.locator(selector).first().click();
  await page.getByRole('heading', { name: 'Attributes' }).waitFor();
};

const press = (key, times) => async page => {
  for (let step = 0; step < times; step += 1) await page.keyboard.press(key);
};

export const DETAIL = [
  { name: 'prompts', ...at(MIGRATION), reach: openMenu('System prompts', '.prompts') },
  { name: 'prompts-none', ...at(REFUND), reach: openMenu('System prompts', '.popover-note') },
  { name: 'related', ...at(RESEARCH), reach: openMenu('Related', '.related') },
  { name: 'traces', ...at(TRIP), reach: openMenu('2 traces', '.trace-list') },
  { name: 'copy-menu', ...at(TRIP), reach: openMenu('Copy', '.export-menu') },
  { name: 'tokens', ...at(RESEARCH), reach: hover(0) },
  { name: 'cost-unpriced', ...at(REFUND), reach: hover(1) },
  { name: 'timeline', ...timeline(RESEARCH) },
  { name: 'timeline-gaps', ...timeline(TRIP) },
  { name: 'timeline-deep', ...timeline(MIGRATION) },
  {
    name: 'timeline-zoom',
    ...timeline(RESEARCH),
    reach: async page => {
      await page.getByRole('button', { name: 'Zoom in' }).click();
      const { x, y, width } = await page.locator('.axis').boundingBox();
      await page.mouse.move(x + width * 0.3, y + 10);
      await page.mouse.down();
      await page.mouse.move(x + width * 0.6, y + 10);
    },
  },
  { name: 'timeline-span', ...timeline(RESEARCH), reach: openSpan('.timeline-row.is-error') },
  {
    name: 'timeline-loading',
    ...at(TRIP),
    reach: async (page, act) => {
      act('latency', { ms: SLOW_MS });
      await page.getByRole('tab', { name: 'Timeline' }).click();
      await page.locator('.notice').waitFor();
    },
  },
  { name: 'span-call', ...at(TRIP), reach: openSpan('.is-assistant .meta .span-button') },
  { name: 'span-tool-failed', ...at(RESEARCH), reach: openSpan('.tool-call.is-error .span-button') },
  { name: 'span-unpriced', ...at(REFUND), reach: openSpan('.bubble:has-text("Refunded")') },
  {
    name: 'span-attributes',
    ...at(TRIP),
    reach: async page => {
      await openSpan('.is-assistant .span-button')(page);
      await page.locator('.span-body').evaluate(element => element.scrollTo(0, element.scrollHeight));
    },
  },
  { name: 'span-missing', ...at(TRIP, '?span=0000000000000000') },
  {
    name: 'span-loading',
    ...at(TRIP),
    reach: async (page, act) => {
      act('latency', { ms: SLOW_MS });
      await page.locator('.is-assistant .span-button').first().click();
      await page.locator('.span-pane').waitFor();
    },
  },
  { name: 'focus-bar', ...at(TRIP), reach: press('Tab', 7) },
  {
    name: 'focus-transcript',
    ...at(TRIP),
    reach: async page => {
      await page.locator('.transcript-scroller').focus();
      await press('Tab', 4)(page);
    },
  },
  {
    name: 'focus-timeline',
    ...timeline(RESEARCH),
    reach: async page => {
      await page.locator('.timeline-row').first().focus();
      await press('ArrowDown', 3)(page);
    },
  },
];
