import { SluiceError } from '../../base/errors.ts'
import { recover } from '../../consensus/group/refounding/group-recovery.ts'
import { type ConfigSurroundings, readConfigFile, readHere } from '../preparation/config-file.ts'
import { drawnId } from './drawn-id.ts'

/** What `sluice cluster recover` is started with. */
export interface RecoverOptions extends ConfigSurroundings {
  /** The config file of the stopped node. */
  readonly file: string
  /** The operator knows what is lost. */
  readonly isForced: boolean
  /** Where a refused config is explained: standard error. */
  readonly print: (text: string) => void
  /** Where it is told what was done: standard output. */
  readonly tell: (text: string) => void
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
  const { config, report } = await readConfigFile(options.file, readHere(options))
  if (config === null) {
    options.print(report)
    throw new SluiceError('config-invalid', `${options.file} is not valid`)
  }
  if (config.cluster === null) {
    throw new SluiceError('cluster-absent', `${options.file} has no section "cluster"`)
  }
  const { clusterId, lost, lastIndex } = await recover({
    folder: config.cluster.dataDir,
    name: config.cluster.node,
    makeIncarnation: drawnId,
  })
  const names = lost.map(({ name }) => name).join(', ')
  options.tell(
    `${config.cluster.node} is the only node of cluster ${clusterId}, with all that it had up to ` +
      `entry ${lastIndex}.\nStart it. For each of the others (${names || 'none'}): empty its ` +
      'data-dir, `sluice cluster add NODE ADDRESS`, start it.\n',
  )
}
