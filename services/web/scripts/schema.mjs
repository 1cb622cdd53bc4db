// The schema that the page is written against: what the gateway serves.
import { readFileSync } from 'node:fs';
import { buildSchema } from 'graphql';

export function loadSchema() {
  return buildSchema(readFileSync(new URL('../../../schemas/graphql/schema.graphql', import.meta.url), 'utf8'));
}
