// Runs the browser tests. With BASE_URL, those that any gateway with conversations has to pass, against that gateway
// (and TOKEN, where it asks for one); without, these and all others against the stub.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = process.env.BASE_URL
  ? ['gateway.test.mjs']
  : ['gateway.test.mjs', 'live.test.mjs', 'reading.test.mjs', 'states.test.mjs', 'speed.test.mjs'];
const wanted = process.argv.slice(2);
const chosen = wanted.length > 0 ? files.filter(file => wanted.some(each => file.includes(each))) : files;
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=1', ...chosen.map(file => `${folder}${file}`)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
