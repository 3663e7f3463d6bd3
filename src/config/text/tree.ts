import type { Path } from '../diagnostics/diagnostics.ts'
import type { Span } from '../diagnostics/source-text.ts'

/** A value of the config file and where it is written. */
export type TreeNode = ScalarNode | ListNode | MapNode

/** One value, after the environment has been put in. */
export interface ScalarNode {
  readonly kind: 'scalar'
  readonly span: Span
  readonly value: string | number | boolean | null
  /**
   * Offset in the source of the value's first character where the source shows the value as it
   * is, so that a place in the value has a place in the source; otherwise null.
   */
  readonly textStart: number | null
}

/** A list, in its order. */
export interface ListNode {
  readonly kind: 'list'
  readonly span: Span
  readonly items: readonly TreeNode[]
}

/** A map, in the order written. Invariant: no key is `__proto__`. */
export interface MapNode {
  readonly kind: 'map'
  readonly span: Span
  readonly entries: ReadonlyMap<string, MapEntry>
}

/** One key of a map and its value. */
export interface MapEntry {
  readonly keySpan: Span
  readonly value: TreeNode
}

/** The tree as plain data. Maps have no prototype, so that any name may be a key. */
export function plainValue(node: TreeNode): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plainValue)
  const map: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of node.entries) map[key] = plainValue(entry.value)
  return map
}

/** One step down the tree. */
interface Step {
  readonly from: Cursor
  readonly name: string | number
}

/**
 * A place in the tree, for reading what may be missing or of another type: whatever is not there
 * reads as null or as empty, since the schema has already said so.
 */
export class Cursor {
  /** Null where the path leads nowhere. */
  readonly node: TreeNode | null
  /** The key that leads here; of a missing one, its parent's. */
  readonly keySpan: Span
  readonly #last: Step | null

  /** @param last the step that led here; null: this is the root */
  constructor(
    node: TreeNode | null,
    keySpan: Span = { start: 0, end: 0 },
    last: Step | null = null,
  ) {
    this.node = node
    this.keySpan = keySpan
    this.#last = last
  }

  /** The steps from the root to here. */
  get path(): Path {
    const last = this.#last
    return last === null ? [] : [...last.from.path, last.name]
  }

  /** Where the value is written; where there is none, the key that should have it. */
  get span(): Span {
    return this.node?.span ?? this.keySpan
  }

  /** The last step of the path: a name, or '' at the root. */
  get name(): string {
    return String(this.#last?.name ?? '')
  }

  /** The value, if there is one and it is neither a list nor a map. */
  get value(): ScalarNode['value'] {
    return this.node?.kind === 'scalar' ? this.node.value : null
  }

  /** The value, if it is a text. */
  get text(): string | null {
    return typeof this.value === 'string' ? this.value : null
  }

  /** One step down: a key of a map or an index of a list. */
  at(step: string | number): Cursor {
    // Thousands of steps are taken for every path that is told of.
    const last = { from: this, name: step }
    if (this.node?.kind === 'map') {
      const entry = this.node.entries.get(String(step))
      if (entry !== undefined) return new Cursor(entry.value, entry.keySpan, last)
    } else if (this.node?.kind === 'list' && typeof step === 'number') {
      const item = this.node.items[step]
      if (item !== undefined) return new Cursor(item, item.span, last)
    }
    return new Cursor(null, this.keySpan, last)
  }

  /** Any number of steps down. */
  follow(path: Path): Cursor {
    let cursor: Cursor = this
    for (const step of path) cursor = cursor.at(step)
    return cursor
  }

  /** Every value of a map, in the order written; nothing for anything else. */
  values(): Cursor[] {
    return this.node?.kind === 'map' ? [...this.node.entries.keys()].map((key) => this.at(key)) : []
  }

  /** Every item of a list; a single value counts as a list of one. */
  items(): Cursor[] {
    if (this.node === null) return []
    return this.node.kind === 'list' ? this.node.items.map((_, i) => this.at(i)) : [this]
  }

  /**
   * Where a part of the text is written: from an offset into it to the end of the word there. The
   * whole value where the source does not show the text as it is.
   */
  textSpan(offset: number): Span {
    if (this.node?.kind !== 'scalar' || this.node.textStart === null) return this.span
    const [word = ''] = /^\S+/.exec((this.text ?? '').slice(offset)) ?? []
    const start = this.node.textStart + Math.min(offset, (this.text ?? '').length)
    return { start, end: start + Math.max(1, word.length) }
  }
}
