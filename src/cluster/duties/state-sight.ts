import { NODE_NAME_LENGTH_MAX, WITNESSES_MAX } from '../state-machine/bounds.ts'
import { jsonBytes, listOf, parseJson, record, text, whole } from '../state-machine/json-fields.ts'

/** How states are hashed; nodes that do it in other ways are not compared. */
const SCHEME = 1

/** Bytes of a message about states. */
const MESSAGE_BYTES_MAX = 65_536

/** What a node's state was, and at which indexes of what is agreed on. */
export interface StateSight {
  /** The state is that of every index from here... */
  readonly fromIndex: number
  /** ...to here, both included: no command lies between. */
  readonly toIndex: number
  /** SHA-256, hexadecimal. */
  readonly hash: string
}

const readQuestion = record<{ index: number }>({ index: whole(0) }, 'left-out')

const readSight = record<StateSight & { readonly scheme: number }>(
  { scheme: whole(SCHEME, SCHEME), fromIndex: whole(0), toIndex: whole(0), hash: text(64, 64) },
  'left-out',
)

const readNotice = record<{ corrupt: string[] }>(
  { corrupt: listOf(text(NODE_NAME_LENGTH_MAX, 1), WITNESSES_MAX) },
  'left-out',
)

/** Asks for the state at an index, or at the first command after it. */
export function encodeStateQuestion(index: number): Uint8Array {
  return jsonBytes({ index })
}

/** @returns null: these bytes are none */
export function decodeStateQuestion(body: Uint8Array): number | null {
  return read(readQuestion, body)?.index ?? null
}

/** What {@link decodeSight} reads. */
export function encodeSight(sight: StateSight): Uint8Array {
  return jsonBytes({ scheme: SCHEME, ...sight })
}

/** @returns null: these bytes are none, or of another way to hash */
export function decodeSight(answer: Uint8Array): StateSight | null {
  const sight = read(readSight, answer)
  if (sight === null) return null
  const { fromIndex, toIndex, hash } = sight
  return { fromIndex, toIndex, hash }
}

/** Tells which nodes differ from the others. */
export function encodeCorruptNotice(corrupt: readonly string[]): Uint8Array {
  return jsonBytes({ corrupt })
}

/** @returns null: these bytes are none */
export function decodeCorruptNotice(body: Uint8Array): readonly string[] | null {
  return read(readNotice, body)?.corrupt ?? null
}

function read<T>(reader: (value: unknown) => T | undefined, bytes: Uint8Array): T | null {
  return bytes.length > MESSAGE_BYTES_MAX ? null : (reader(parseJson(bytes)) ?? null)
}

/** What came of looking at the states of several nodes. */
export interface Comparison {
  /** Nodes that were seen at one common index. */
  readonly compared: readonly string[]
  /** Of these, those that differ from the majority; all of them where there is none. */
  readonly differing: readonly string[]
}

/** Compares the states that were seen at the highest common index. */
export function compareSights(sights: ReadonlyMap<string, StateSight>): Comparison {
  const commonIndex = Math.max(...[...sights.values()].map(({ fromIndex }) => fromIndex))
  const seen = [...sights].filter(([, { toIndex }]) => toIndex >= commonIndex)
  const counts = new Map<string, number>()
  for (const [, { hash }] of seen) counts.set(hash, (counts.get(hash) ?? 0) + 1)
  const compared = seen.map(([name]) => name).sort()
  if (seen.length < 2) return { compared: [], differing: [] }
  if (counts.size === 1) return { compared, differing: [] }
  const [right] = [...counts].find(([, count]) => 2 * count > seen.length) ?? []
  const differing = seen.filter(([, { hash }]) => hash !== right).map(([name]) => name)
  return { compared, differing: differing.sort() }
}
