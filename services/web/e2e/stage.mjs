// The real system for the tests of the page: Kafka, Redis, a processor and gateways, by the program in tests/stage.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = process.env.STAGE ?? fileURLToPath(new URL('../../../target/debug/stage', import.meta.url));

/**
 * Starts everything. The stage then has `url` of a gateway, `guardedUrl` of one that asks for `token`, and does what it is
 * told, one thing after the other.
 */
export async function startStage() {
  const child = spawn(PROGRAM, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the stage has ended; see above for why');
    return JSON.parse(value);
  };
  let last = answer();
  const direct = direction => {
    last = last.then(() => {
      child.stdin.write(`${JSON.stringify(direction)}\n`);
      return answer();
    });
    return last;
  };
  const plan = await last;
  return {
    ...plan,
    /** Someone says something in a conversation; see tests/stage/direction.rs for the steps. */
    say: ({ project, id, ago_ms = 0 }, ...steps) => direct({ do: 'say', project, id, ago_ms, steps }),
    /** What every SDK sent when it was recorded. */
    playRecordings: () => direct({ do: 'captured' }),
    settle: () => direct({ do: 'settle' }),
    killGateway: () => direct({ do: 'kill_gateway' }),
    startGateway: () => direct({ do: 'start_gateway' }),
    stop: () =>
      new Promise(resolve => {
        child.once('exit', resolve);
        child.stdin.end();
      }),
  };
}

// The steps, so that scenes read as what is said.
export const user = name => ({ user: name });
export const model = name => ({ model: name });
export const agent = (name, system) => ({ agent: { name, system } });
export const ask = question => ({ ask: question });
export const think = text => ({ think: text });
export const answer = (text, ms = 900) => ({ answer: { text, ms } });
export const tool = (name, args, result, ms = 400) => ({
  tool: { name, arguments: args, outcome: { ok: result }, ms },
});
export const failingTool = (name, args, error, ms = 400) => ({
  tool: { name, arguments: args, outcome: { error }, ms },
});
export const delegate = (name, who, question, ...steps) => ({ delegate: { tool: name, agent: who, question, steps } });
export const fail = (kind, message, ms = 200) => ({ fail: { kind, message, ms } });
export const pause = ms => ({ pause: ms });
export const regenerate = 'regenerate';
export const forget = 'forget';
export const withoutContent = 'without_content';
