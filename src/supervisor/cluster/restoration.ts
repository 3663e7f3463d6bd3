import { open } from 'node:fs/promises'
import { SluiceError } from '../../base/errors.ts'
import { decodeBackup } from '../../cluster/backup.ts'
import { restore } from '../../consensus/group/refounding/group-restoration.ts'
import { type ConfigSurroundings, readConfigFile, readHere } from '../preparation/config-file.ts'
import { drawnId } from './drawn-id.ts'

/** Bytes of a backup: the most that a state can have is a quarter of it. */
const BACKUP_BYTES_MAX = 256 * 1024 * 1024

/** What `sluice cluster restore` is started with. */
export interface RestoreOptions extends ConfigSurroundings {
  readonly backup: string
  /** The config file of the node that is to have it. */
  readonly file: string
  /** Where a refused config is explained: standard error. */
  readonly print: (text: string) => void
  /** Where it is told what was done: standard output. */
  readonly tell: (text: string) => void
}

/**
 * Founds a cluster anew from a backup, on a node that has no data yet.
 *
 * @throws SluiceError `config-unreadable`, `config-invalid`, `cluster-absent`; `backup-unreadable`,
 *   `backup-damaged`, `backup-newer`; `data-dir-used`, and what opening its data throws
 */
export async function restoreCluster(options: RestoreOptions): Promise<void> {
  const { config, report } = await readConfigFile(options.file, readHere(options))
  if (config === null) {
    options.print(report)
    throw new SluiceError('config-invalid', `${options.file} is not valid`)
  }
  const { cluster } = config
  if (cluster === null) {
    throw new SluiceError('cluster-absent', `${options.file} has no section "cluster"`)
  }
  const { head, state } = decodeBackup(await readBackup(options.backup))
  const { clusterId, invited } = await restore({
    folder: cluster.dataDir,
    name: cluster.node,
    makeIncarnation: drawnId,
    peers: cluster.peers,
    data: state,
    index: head.index,
  })
  const former = head.clusterId === null ? head.node : `cluster ${head.clusterId}`
  const others =
    invited.length === 0
      ? ''
      : ` Then start the others, with an empty data-dir each: ${invited.join(', ')}.`
  options.tell(
    `${cluster.node} is the first node of a new cluster ${clusterId}, with what ${former} had ` +
      `agreed on up to index ${head.index}, ${head.time}.\nNodes that have data of the old one are ` +
      `refused by it. Start ${cluster.node}.${others}\n`,
  )
}

async function readBackup(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size <= BACKUP_BYTES_MAX) return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    const text = `cannot read ${path}: ${(error as Error).message}`
    throw new SluiceError('backup-unreadable', text, error)
  }
  throw new SluiceError('backup-damaged', `${path} is longer than any backup`)
}
