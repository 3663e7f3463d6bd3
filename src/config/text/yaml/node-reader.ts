import {
  isAlias,
  isCollection,
  isMap,
  isPair,
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
import { emptyNode, hasControlCharacter, scalarNode } from './scalars.ts'

/** Nodes of the tree when every alias is written out: what bounds a bomb of aliases. */
const NODES_MAX = 500_000

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
      const tree = value ? this.#read(value as Node, keyPath) : emptyNode(keySpan)
      // What is empty has no place of its own.
      const isEmpty = tree.span.start === tree.span.end
      if (first === undefined)
        entries.set(name, { keySpan, value: isEmpty ? emptyNode(keySpan) : tree })
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
    if (hasControlCharacter(text)) {
      this.#report.error(span, path, {
        message: 'a value must be one line without control characters',
        hint: text.includes('\n') ? 'To write it over several lines, start with >-.' : '',
      })
    }
    // In a flow collection a reference can only be written with quotes, whatever its type.
    return scalarNode(text, scalar.type === 'PLAIN' || text !== written, this.#text, span)
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

/** From the first character to the last: no comment that follows belongs to a collection. */
function spanOf(node: Node): Span {
  return { start: (node.range as Range)[0], end: endOf(node) }
}

function endOf(node: Node): number {
  const end = (node.range as Range)[1]
  if (!isCollection(node) || node.flow === true) return end
  const last = node.items.at(-1)
  if (!isPair(last)) return last === undefined ? end : endOf(last as Node)
  const { key, value } = last as Pair<Node, Node | null | undefined>
  const [start, valueEnd] = (value?.range as Range | undefined) ?? [0, 0]
  return !value || start === valueEnd ? endOf(key) : endOf(value)
}
