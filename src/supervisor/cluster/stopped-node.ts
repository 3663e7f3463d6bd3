import { SluiceError } from '../../base/errors.ts'
import type { ClusterConfig } from '../../model/cluster-config.ts'
import { type ConfigSurroundings, readConfigFile, readHere } from '../preparation/config-file.ts'

/** What a command is started with that works on the data of a stopped node. */
export interface StoppedNodeOptions extends ConfigSurroundings {
  /** The config file of the node. */
  readonly file: string
  /** Where a refused config is explained: standard error. */
  readonly print: (text: string) => void
  /** Where it is told what was done: standard output. */
  readonly tell: (text: string) => void
}

/**
 * The section `cluster` of the node's file.
 *
 * @throws SluiceError `config-unreadable`, `config-invalid`, `cluster-absent`
 */
export async function clusterOf(options: StoppedNodeOptions): Promise<ClusterConfig> {
  const { file, print } = options
  const { config, report } = await readConfigFile(file, readHere(options))
  if (config === null) {
    print(report)
    throw new SluiceError('config-invalid', `${file} is not valid`)
  }
  if (config.cluster !== null) return config.cluster
  throw new SluiceError('cluster-absent', `${file} has no section "cluster"`)
}
