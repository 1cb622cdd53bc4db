// The user's part of the script, and the application's: its prompt, its tool, and the chat's id.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const script = JSON.parse(readFileSync(new URL("../script.json", import.meta.url)));
export const conversationId = process.env.CONVERSATION_ID;
export const model = script.models.openai;
export const farewell = script.turns[2].user;

/** The current weather in a city. */
export function getWeather(input) {
  assert.deepEqual(input, script.tool.arguments);
  return script.tool.result;
}

/** Asks all questions. The last one is refused. */
export async function play(answer) {
  const questions = script.turns.map((turn) => turn.user);
  const last = questions.pop();
  for (const question of questions) console.log(await answer(question));
  await assert.rejects(async () => await answer(last), /Rate limit reached/);
  console.log("the last call was refused, as it should be");
}
