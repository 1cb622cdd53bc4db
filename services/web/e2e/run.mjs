// Runs the browser tests, or those whose name contains one of the arguments: `npm run e2e -- stub`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = ['real.test.mjs', 'stub.test.mjs'];
const wanted = process.argv.slice(2);
const chosen = wanted.length > 0 ? files.filter(file => wanted.some(each => file.includes(each))) : files;
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=1', '--test-reporter=spec', ...chosen.map(file => `${folder}${file}`)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
