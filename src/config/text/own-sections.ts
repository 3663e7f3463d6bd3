import type { Path, Report } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import type { TreeNode } from './tree.ts'

/** Sections that a node takes from its own file, whatever a text says that comes from elsewhere. */
const OWN_SECTIONS: readonly string[] = ['global', 'admin', 'cluster']

/** Whether a place lies in a section that is the node's own. */
export function isOfNode(path: Path): boolean {
  return OWN_SECTIONS.includes(String(path[0]))
}

/** A config without the sections that are the node's own. */
export function withoutOwnSections(root: TreeNode): TreeNode {
  if (root.kind !== 'map') return root
  const entries = [...root.entries].filter(([name]) => !OWN_SECTIONS.includes(name))
  return { ...root, entries: new Map(entries) }
}

/**
 * Warns of own sections that are passed over, and with them what somebody meant to change.
 *
 * @param ownText of the node's own file: what stands there word for word is applied already
 */
export function warnOfPassedOver(
  root: TreeNode,
  { text }: SourceText,
  ownText: string,
  report: Report,
): void {
  if (root.kind !== 'map') return
  for (const name of OWN_SECTIONS) {
    const entry = root.entries.get(name)
    if (entry === undefined) continue
    const written = text.slice(entry.keySpan.start, entry.value.span.end).trimEnd()
    if (ownText.includes(written)) continue
    report.warn(entry.keySpan, [name], {
      code: 'not-applied',
      message: `section ${name} is not applied: each node has its own in its file`,
      hint: 'Change it in the file of the node.',
    })
  }
}
