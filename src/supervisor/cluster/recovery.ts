import { SluiceError } from '../../base/errors.ts'
import { recover } from '../../consensus/group/refounding/group-recovery.ts'
import { drawnId } from './drawn-id.ts'
import { clusterOf, type StoppedNodeOptions } from './stopped-node.ts'

/** What `sluice cluster recover` is started with. */
export interface RecoverOptions extends StoppedNodeOptions {
  /** The operator knows what is lost. */
  readonly isForced: boolean
}

/**
 * Makes a stopped node the only one of its cluster, after a majority is lost for good.
 *
 * @throws SluiceError `usage` unless it is forced; `config-unreadable`, `config-invalid`;
 *   `cluster-absent`; `data-dir-unusable` while the node runs, and what else opening its data throws
 */
export async function recoverNode(options: RecoverOptions): Promise<void> {
  if (!options.isForced) {
    const what = 'what the other nodes had agreed on without this one is lost'
    throw new SluiceError('usage', `${what}: say --force if they are lost for good`)
  }
  const { dataDir, node } = await clusterOf(options)
  const { clusterId, lost, lastIndex } = await recover({
    folder: dataDir,
    name: node,
    makeIncarnation: drawnId,
  })
  const names = lost.map(({ name }) => name).join(', ')
  options.tell(
    `${node} is the only node of cluster ${clusterId}, with all that it had up to ` +
      `entry ${lastIndex}.\nStart it. For each of the others (${names || 'none'}): empty its ` +
      'data-dir, `sluice cluster add NODE ADDRESS`, start it.\n',
  )
}
