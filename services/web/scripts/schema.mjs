// The schema that the page is written against: what the gateway serves, or, in a checkout where that has not been
// written yet, what it promises.
import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, extendSchema, parse } from 'graphql';

const folder = new URL('../../../schemas/graphql/', import.meta.url);

export function loadSchema() {
  const source = ['schema.graphql', 'contract.graphql'].map(name => new URL(name, folder)).find(existsSync);
  if (!source) throw new Error(`no schema.graphql in ${folder.pathname}`);
  const schema = buildSchema(readFileSync(source, 'utf8'));
  // The contract's first version has no way to one span; the gateway adds this field.
  if (schema.getType('Conversation').getFields().span) return schema;
  return extendSchema(schema, parse('extend type Conversation { "One span of it." span(id: ID!): Span }'));
}
