// Writes src/api/generated.ts: the types of the operations in operations.graphql and their text, checked against the
// SDL. The file is not committed, so it cannot lag behind the schema.
import { readFileSync, writeFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as typedDocumentNode from '@graphql-codegen/typed-document-node';
import * as typescript from '@graphql-codegen/typescript';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { parse, printSchema, validate } from 'graphql';
import { loadSchema } from './schema.mjs';

const here = new URL('..', import.meta.url);
const schema = loadSchema();
const operations = parse(readFileSync(new URL('src/api/operations.graphql', here), 'utf8'));

const problems = validate(schema, operations);
if (problems.length > 0) throw new Error(problems.map(String).join('\n\n'));

const scalars = { DateTime: 'string', JSON: 'unknown' };
const output = await codegen({
  schema: parse(printSchema(schema)),
  documents: [{ location: 'operations.graphql', document: operations }],
  filename: 'generated.ts',
  config: {
    scalars,
    strictScalars: true,
    enumsAsTypes: true,
    skipTypename: true,
    avoidOptionals: { field: true, object: true, inputValue: false },
    onlyOperationTypes: true,
    useTypeImports: true,
    documentMode: 'string',
    documentVariableSuffix: '',
    dedupeFragments: true,
  },
  plugins: [{ typescript: {} }, { typescriptOperations: {} }, { typedDocumentNode: {} }],
  pluginMap: { typescript, typescriptOperations, typedDocumentNode },
});
writeFileSync(new URL('src/api/generated.ts', here), `// Written by scripts/codegen.mjs.\n${output}`);
