// Fails the build when the first load grows beyond what a page that opens at once may weigh.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Everything that index.html makes the browser load, gzipped. */
const FIRST_LOAD_BYTES_MAX = 250_000;

const dist = new URL('../dist/', import.meta.url);
const page = readFileSync(new URL('index.html', dist), 'utf8');
if (/<script(?![^>]*\bsrc=)|<style|\bon\w+=/.test(page))
  throw new Error('index.html has inline code, which the policy forbids');

const first = new Set([...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(match => match[1]));
const size = name => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length;
let total = size('index.html');
for (const name of first) {
  total += size(name);
  console.log(`${name}: ${size(name)} bytes gzipped`);
}
const others = readdirSync(new URL('assets/', dist)).filter(name => !first.has(`assets/${name}`));
for (const name of others) console.log(`assets/${name}: ${size(`assets/${name}`)} bytes gzipped, loaded later`);
console.log(`first load: ${total} of at most ${FIRST_LOAD_BYTES_MAX} bytes gzipped`);
if (total > FIRST_LOAD_BYTES_MAX) throw new Error('the first load is too heavy');
