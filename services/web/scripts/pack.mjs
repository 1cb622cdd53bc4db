// Finishes the build: writes the compressed form of each file beside it, as the gateway serves them, and fails when the
// first load grows beyond what a page that opens at once may weigh.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Everything that index.html makes the browser load, gzipped. */
const FIRST_LOAD_BYTES_MAX = 250_000;

const dist = new URL('../dist/page/', import.meta.url);
const page = readFileSync(new URL('index.html', dist), 'utf8');
if (/<script(?![^>]*\bsrc=)|<style|\bon\w+=/.test(page))
  throw new Error('index.html has inline code, which the policy forbids');

const first = new Set([
  'index.html',
  ...[...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(match => match[1]),
]);
const files = readdirSync(dist, { recursive: true }).filter(name => /\.(html|js|css|svg)$/.test(name));
const total = { gzip: 0, brotli: 0 };
for (const name of files.sort()) {
  const content = readFileSync(new URL(name, dist));
  const gzip = gzipSync(content, { level: 9 });
  const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  writeFileSync(new URL(`${name}.gz`, dist), gzip);
  writeFileSync(new URL(`${name}.br`, dist), brotli);
  if (first.has(name)) {
    total.gzip += gzip.length;
    total.brotli += brotli.length;
  }
  console.log(
    `${name}: ${gzip.length} bytes gzipped, ${brotli.length} by brotli${first.has(name) ? '' : ', loaded later'}`,
  );
}
console.log(`first load: ${total.gzip} of at most ${FIRST_LOAD_BYTES_MAX} bytes gzipped, ${total.brotli} by brotli`);
if (total.gzip > FIRST_LOAD_BYTES_MAX) throw new Error('the first load is too heavy');
