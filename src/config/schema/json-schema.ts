import { configSchema } from './schema.ts'
import { type JsonSchema, jsonSchemaOf } from './sections.ts'

/**
 * The JSON Schema (draft 2020-12) of a config file, for editors: what `sluice schema` prints. It
 * is generated from the one schema, and knows every key, type, range, default and description; it
 * does not know what {@link validateReferences} checks between places.
 */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...rest } = jsonSchemaOf(configSchema)
  return { $schema, title: 'Config of Sluice', ...rest } as JsonSchema
}
