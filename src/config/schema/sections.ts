import * as z from 'zod'
import type { Path } from '../diagnostics/diagnostics.ts'
import { ENVIRONMENT_PATTERN } from '../text/environment.ts'
import type { Alternatives } from './unsupported-keys.ts'

/** What is told about a key, in editors and in docs/configuration.md. */
export interface KeyFacts {
  /** What it does, with the unit where the type does not say it. Ends without a full stop. */
  readonly about: string
  /** What holds without the key: a value as one would write it, */
  readonly standard?: string | number | boolean
  /** or, where that is not one value, in words. */
  readonly otherwise?: string
  /** HAProxy's keyword, where the name here is not enough to find it in HAProxy's manual. */
  readonly source?: string
}

/** What is known of a section beside its keys. */
export interface SectionFacts {
  /** What it is called in messages, such as "a frontend". */
  readonly title: string
  /** Keys that HAProxy has or that are planned, and that this version refuses. */
  readonly unsupported: Alternatives
}

/**
 * A config is a tree without cycles that is read once: neither the search for cycles nor code made
 * for each section pays for itself.
 */
z.config({
  jitless: true,
  memoizer: { attach: () => {}, guard: () => {}, alloc: (_schema, _payload, value) => value },
})

/** The facts of every section of the schema. */
const sectionFacts = z.registry<SectionFacts>()

/** A map with known keys; any other key is refused. */
export function section<Shape extends z.core.$ZodShape>(
  title: string,
  shape: Shape,
  unsupported: Alternatives = Object.create(null),
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape).register(sectionFacts, { title, unsupported })
}

/** A key that may be left out. */
export function key<Schema extends z.ZodType>(
  schema: Schema,
  facts: KeyFacts,
): z.ZodOptional<Schema> {
  const optional = schema.optional()
  // `meta` would register a copy, which costs as much as the schema itself.
  z.globalRegistry.add(optional, metadata(facts))
  return optional
}

/** A key that must be given. */
export function requiredKey<Schema extends z.ZodType>(schema: Schema, facts: KeyFacts): Schema {
  return schema.meta(metadata(facts))
}

function metadata({ about, standard, otherwise, source }: KeyFacts): Record<string, unknown> {
  return {
    description: source === undefined ? `${about}.` : `${about}. HAProxy: ${source}.`,
    ...(standard !== undefined && { default: standard }),
    ...(otherwise !== undefined && { 'x-default': otherwise }),
  }
}

/** Keys of a section again in one that takes what it does not say from another place. */
export function inherited<Shape extends Record<string, z.ZodType>>(
  shape: Shape,
  from: string,
): Shape {
  const entries = Object.entries(shape).map(([name, schema]) => [
    name,
    schema.meta({ ...schema.meta(), default: undefined, 'x-default': from }),
  ])
  return Object.fromEntries(entries) as Shape
}

/** Letters that names of proxies, servers and conditions have in HAProxy; of bounded length. */
const NAME = /^(?!__proto__$)[A-Za-z0-9_.:-]{1,64}$/
const NAME_MESSAGE = 'a name has 1 to 64 of the characters A-Z a-z 0-9 _ . : -'

/** The name of a frontend, a backend, a server or a condition. */
export const name: z.ZodString = z.string().regex(NAME, NAME_MESSAGE).meta({ id: 'name' })

/** Its like as the key of a map, where the environment is not put in. */
const entryName = z.string().regex(NAME, NAME_MESSAGE)

/** A map by name. */
export function namedMap<Schema extends z.ZodType>(
  schema: Schema,
  entriesMin = 0,
): z.ZodRecord<z.ZodString, Schema> {
  return z
    .record(entryName, schema)
    .refine((map) => Object.keys(map).length >= entriesMin, 'this must not be empty')
    .meta({ minProperties: entriesMin })
}

/** One value, or a list of at least one; given back as a list. */
export function oneOrMany<Schema extends z.ZodType>(
  schema: Schema,
): z.ZodPipe<
  z.ZodUnion<readonly [Schema, z.ZodArray<Schema>]>,
  z.ZodTransform<z.output<Schema>[], z.output<Schema> | z.output<Schema>[]>
> {
  return z
    .union([schema, z.array(schema).min(1)])
    .transform((value) => (Array.isArray(value) ? value : [value]))
}

/** The section that a path leads to: its keys, and what is known of it. Null where there is none. */
export function sectionAt(
  root: z.ZodType,
  path: Path,
): (SectionFacts & { readonly keys: readonly string[] }) | null {
  let schemas: z.core.$ZodType[] = [root]
  for (const step of path) schemas = schemas.flatMap(unwrap).flatMap((s) => stepInto(s, step))
  for (const schema of schemas.flatMap(unwrap)) {
    if (!(schema instanceof z.ZodObject)) continue
    const facts = sectionFacts.get(schema)
    if (facts !== undefined) return { ...facts, keys: Object.keys(schema.shape) }
  }
  return null
}

/** Titles of the sections under a schema that have a key, in the order of the schema. */
export function sectionsWith(root: z.ZodType, name: string): string[] {
  const titles = new Set<string>()
  const seen = new Set<z.core.$ZodType>()
  const visit = (schema: z.core.$ZodType): void => {
    for (const inner of unwrap(schema)) {
      if (seen.has(inner)) continue
      seen.add(inner)
      if (inner instanceof z.ZodObject) {
        const facts = sectionFacts.get(inner)
        if (facts !== undefined && Object.hasOwn(inner.shape, name)) titles.add(facts.title)
        Object.values(inner.shape as z.core.$ZodShape).forEach(visit)
      } else if (inner instanceof z.ZodRecord) visit(inner.valueType)
      else if (inner instanceof z.ZodArray) visit(inner.element)
    }
  }
  visit(root)
  return [...titles]
}

/** A schema without its wrappers; of a union, every member. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap())
  if (schema instanceof z.ZodPipe) return unwrap(schema.in)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrap)
  return [schema]
}

function stepInto(schema: z.core.$ZodType, step: string | number): z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element]
  if (schema instanceof z.ZodRecord) return [schema.valueType]
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, step)) return []
  return [(schema.shape as z.core.$ZodShape)[step] as z.core.$ZodType]
}

/** A JSON Schema of draft 2020-12. */
export type JsonSchema = z.core.JSONSchema.JSONSchema

/**
 * The JSON Schema of a schema's input. Wherever a value is not free text, a reference to the
 * environment is allowed too, since its value is not known to an editor.
 */
export function jsonSchemaOf(root: z.ZodType): JsonSchema {
  return z.toJSONSchema(root, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema, path }) => {
      // Zod leaves a default out where the input is transformed; ours are all of the input.
      const standard = z.globalRegistry.get(zodSchema)?.['default']
      if (standard !== undefined) jsonSchema.default = standard as typeof jsonSchema.default
      if (path.at(-1) !== 'propertyNames') allowEnvironment(jsonSchema)
    },
  })
}

function allowEnvironment(schema: z.core.JSONSchema.BaseSchema): void {
  const reference = { type: 'string', pattern: ENVIRONMENT_PATTERN } as const
  if (schema.enum !== undefined) {
    schema.anyOf = [{ enum: schema.enum }, reference]
    delete schema.enum
    delete schema.type
  } else if (schema.type === 'integer' || schema.type === 'boolean') {
    // A pattern restricts only texts, so that numbers and flags are not touched by it.
    Object.assign(schema, { type: [schema.type, 'string'], pattern: ENVIRONMENT_PATTERN })
  } else if (schema.pattern !== undefined && !schema.pattern.endsWith(ENVIRONMENT_PATTERN)) {
    schema.pattern = `${schema.pattern}|${ENVIRONMENT_PATTERN}`
  }
}
