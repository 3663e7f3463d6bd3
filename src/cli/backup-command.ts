import { createHash } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SluiceError } from '../base/errors.ts'
import type { BackupReport } from '../operations/contract/cluster.ts'
import { cell, expectAnswer, show } from './command-output.ts'
import { askAdminForText, type CliIo, type ReadOptions } from './daemon-connection.ts'

/** It holds config texts as they were written, and who changed what. */
const MODE = 0o600

/**
 * `sluice cluster backup`: keeps all that the cluster has agreed on in a file. What was in the file
 * before stays until the new one is whole and on the disk.
 *
 * @param file path
 * @throws SluiceError as `askAdmin`; `backup-damaged` where it does not arrive as it was sent;
 *   `backup-unwritable`
 */
export async function clusterBackup(file: string, options: ReadOptions, io: CliIo): Promise<void> {
  const stale = options.stale === true ? 'true' : undefined
  const asked = { path: '/api/v1/cluster/backup', query: { stale } }
  const backup = await askAdminForText(asked, options, io)
  const report = reportIn(backup)
  try {
    await writeWhole(file, backup)
  } catch (error) {
    const text = `${file} cannot be written: ${(error as Error).message}`
    throw new SluiceError('backup-unwritable', text, error)
  }
  show({ file, ...report }, `${file} holds ${describe(report)}\n`, options, io)
}

/** @throws SluiceError `backup-damaged`, `admin-refused` */
function reportIn(backup: string): BackupReport {
  const sumAt = backup.lastIndexOf('\n', backup.length - 2) + 1
  const sum = createHash('sha256').update(backup.slice(0, sumAt)).digest('hex')
  if (backup.slice(sumAt) !== `sha256 ${sum}\n`) {
    throw new SluiceError('backup-damaged', 'the backup has not arrived as it was sent')
  }
  const report = JSON.parse(backup.slice(0, backup.indexOf('\n'))) as BackupReport | null
  expectAnswer(typeof report?.node === 'string', 'head of a backup')
  return report as BackupReport
}

function describe({ clusterId, node, time, index, linearizable }: BackupReport): string {
  const of = clusterId === null ? 'the single node' : `cluster ${clusterId}`
  const what = linearizable ? 'all that was acknowledged' : `what ${node} knew`
  return cell(`${what} of ${of} at ${time}, up to index ${index}`)
}

async function writeWhole(path: string, content: string): Promise<void> {
  const aside = `${path}.${process.pid}.new`
  try {
    // One that is there already is somebody else's: a link, perhaps, to a file that must stay.
    const file = await open(aside, 'wx', MODE)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(aside, { force: true })
    throw error
  }
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
