import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Range,
  type Scalar,
} from 'yaml'
import type { Path, Report } from '../../diagnostics/diagnostics.ts'
import type { Span } from '../../diagnostics/source-text.ts'
import { type AllowedVariables, type Environment, substitute } from '../environment.ts'
import { isOfNode } from '../own-sections.ts'
import type { MapEntry, TreeNode } from '../tree.ts'

/** Nodes of the tree when every alias is written out: what bounds a bomb of aliases. */
const NODES_MAX = 500_000

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/

/**
 * Turns what the YAML library has composed into our tree: aliases followed, the environment put
 * in, scalars given their type by YAML's core schema (YAML 1.2 section 10.3.2).
 */
export class NodeReader {
  readonly #text: string
  readonly #environment: Environment
  readonly #allowed: AllowedVariables
  readonly #report: Report
  readonly #anchors = new Map<string, { node: TreeNode; size: number }>()
  #size = 0

  /** @param allowed where it is a list, the sections that are the node's own are left as written */
  constructor(
    text: string,
    environment: Environment,
    report: Report,
    allowed: AllowedVariables = null,
  ) {
    this.#text = text
    this.#environment = environment
    this.#allowed = allowed
    this.#report = report
  }

  /** The tree of a node, or null where it holds too many nodes. Everything wrong is reported. */
  read(root: Node): TreeNode | null {
    const tree = this.#read(root, [])
    return this.#size > NODES_MAX ? null : tree
  }

  #read(node: Node, path: Path): TreeNode {
    const span = spanOf(node)
    if (isAlias(node)) return this.#follow(node.source, span, path)
    if (node.tag !== undefined) {
      this.#refuse(span, path, 'tags are not used here', 'Delete the tag before it.')
    }
    const sizeBefore = this.#size
    this.#grow(1, span, path)
    const tree = this.#readContents(node, span, path)
    if ('anchor' in node && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, { node: tree, size: this.#size - sizeBefore })
    }
    return tree
  }

  #readContents(node: Node, span: Span, path: Path): TreeNode {
    if (isMap(node)) return { kind: 'map', span, entries: this.#readPairs(node.items, path) }
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.#read(item as Node, [...path, i]))
      return { kind: 'list', span, items }
    }
    return this.#readScalar(node as Scalar<string>, span, path)
  }

  #readPairs(pairs: readonly Pair[], path: Path): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>()
    for (const { key, value } of pairs) {
      const keySpan = spanOf(key as Node)
      const name = this.#readKey(key as Node, keySpan, path)
      if (name === null) continue
      const keyPath = [...path, name]
      const first = entries.get(name)
      if (first !== undefined) {
        this.#report.error(keySpan, keyPath, {
          code: 'duplicate-key',
          message: `"${name}" is given twice`,
          hint: 'Join the two, or delete one.',
        })
      }
      const tree = value
        ? this.#read(value as Node, keyPath)
        : ({ kind: 'scalar', span: keySpan, value: null, textStart: null } as const)
      // What is empty has no place of its own.
      const isEmpty = tree.span.start === tree.span.end
      if (first === undefined) {
        entries.set(name, { keySpan, value: isEmpty ? { ...tree, span: keySpan } : tree })
      }
    }
    return entries
  }

  #readKey(key: Node, span: Span, path: Path): string | null {
    if (!isScalar(key) || key.tag !== undefined || key.anchor !== undefined) {
      this.#refuse(span, path, 'a key must be a plain name', '')
      return null
    }
    const name = String(key.value)
    if (name === '<<') {
      this.#refuse(
        span,
        path,
        'merge keys are not used here',
        'Write what is common in "defaults".',
      )
      return null
    }
    if (name === '__proto__') {
      const message = `"${name}" cannot be a name`
      this.#report.error(span, path, { code: 'invalid-name', message, hint: '' })
      return null
    }
    return name
  }

  #readScalar(scalar: Scalar<string>, span: Span, path: Path): TreeNode {
    const written = String(scalar.value)
    const isPassedOver = this.#allowed !== null && isOfNode(path)
    const result = isPassedOver
      ? { value: written }
      : substitute(written, this.#environment, this.#allowed)
    if ('problem' in result) {
      this.#report.error(span, path, result.problem)
      return { kind: 'scalar', span, value: written, textStart: null }
    }
    const text = result.value
    if (CONTROL_CHARACTER.test(text)) {
      this.#report.error(span, path, {
        message: 'a value must be one line without control characters',
        hint: text.includes('\n') ? 'To write it over several lines, start with >-.' : '',
      })
    }
    const textStart = this.#text.startsWith(text, span.start)
      ? span.start
      : this.#text.startsWith(text, span.start + 1)
        ? span.start + 1
        : null
    // In a flow collection a reference can only be written with quotes, whatever its type.
    const isPlain = scalar.type === 'PLAIN' || text !== written
    const value = isPlain ? resolvePlain(text) : text
    return { kind: 'scalar', span, value, textStart }
  }

  #follow(anchor: string, span: Span, path: Path): TreeNode {
    const target = this.#anchors.get(anchor)
    if (target === undefined) {
      this.#report.error(span, path, {
        code: 'syntax',
        message: `*${anchor} is an alias, but no &${anchor} comes before it`,
        hint: 'Put quotes around a value that starts with *.',
      })
      return { kind: 'scalar', span, value: `*${anchor}`, textStart: null }
    }
    this.#grow(target.size, span, path)
    return target.node
  }

  #grow(size: number, span: Span, path: Path): void {
    if (this.#size > NODES_MAX) return
    // Invariant: the sum of a bomb would be infinite, this one stays a number.
    this.#size = Math.min(this.#size + size, NODES_MAX + 1)
    if (this.#size <= NODES_MAX) return
    const message = `the config has more than ${NODES_MAX} values`
    this.#report.error(span, path, { code: 'too-large', message, hint: '' })
  }

  #refuse(span: Span, path: Path, message: string, hint: string): void {
    this.#report.error(span, path, { code: 'unsupported-yaml', message, hint })
  }
}

function spanOf(node: Node): Span {
  const [start, end] = node.range as Range
  return { start, end }
}

/** The core schema's types: null, booleans and finite numbers; everything else is text. */
function resolvePlain(text: string): string | number | boolean | null {
  if (/^(~|null|Null|NULL|)$/.test(text)) return null
  if (/^(true|True|TRUE)$/.test(text)) return true
  if (/^(false|False|FALSE)$/.test(text)) return false
  const isNumber = /^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+)$/
  return isNumber.test(text) ? Number(text) : text
}
