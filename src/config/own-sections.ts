import type { Path } from './diagnostics.ts'
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
