import { open } from 'node:fs/promises'
import { SluiceError } from '../../base/errors.ts'
import { decodeBackup } from '../../cluster/backup.ts'
import { restore } from '../../consensus/group/refounding/group-restoration.ts'
import { drawnId } from './drawn-id.ts'
import { clusterOf, type StoppedNodeOptions } from './stopped-node.ts'

/** Bytes of a backup: the most that a state can have is a quarter of it. */
const BACKUP_BYTES_MAX = 256 * 1024 * 1024

/** What `sluice cluster restore` is started with. */
export interface RestoreOptions extends StoppedNodeOptions {
  /** Its file. */
  readonly backup: string
}

/**
 * Founds a cluster anew from a backup, on a node that has no data yet.
 *
 * @throws SluiceError `config-unreadable`, `config-invalid`, `cluster-absent`; `backup-unreadable`,
 *   `backup-damaged`, `backup-newer`; `data-dir-used`, and what opening its data throws
 */
export async function restoreCluster(options: RestoreOptions): Promise<void> {
  const { dataDir, node, peers } = await clusterOf(options)
  const { head, state } = decodeBackup(await readBackup(options.backup))
  const { clusterId, invited } = await restore({
    folder: dataDir,
    name: node,
    makeIncarnation: drawnId,
    peers,
    data: state,
    index: head.index,
  })
  const former = head.clusterId === null ? head.node : `cluster ${head.clusterId}`
  const others =
    invited.length === 0
      ? ''
      : ` Then start the others, with an empty data-dir each: ${invited.join(', ')}.`
  options.tell(
    `${node} is the first node of a new cluster ${clusterId}, with what ${former} had ` +
      `agreed on up to index ${head.index}, ${head.time}.\nNodes that have data of the old one are ` +
      `refused by it. Start ${node}.${others}\n`,
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
