import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { SluiceError } from '../../base/errors.ts'
import { DurableMark } from './durable-mark.ts'
import { type Database, LevelStore } from './level-store.ts'
import type { NodeIdentity, StoredState } from './log-store.ts'
import { damaged, readRecords, type StoredRecords } from './stored-records.ts'

/** The database, and what says how much of it was durable, in a data directory. */
const DATABASE = 'consensus'
const MARK = 'consensus.mark'
/** After the name of a database that was given up. */
const ASIDE = '.lost'

/** What a new file system has in its topmost folder. */
const OF_THE_SYSTEM = 'lost+found'

/** For this user alone: what the cluster agrees on is nobody else's business. */
const FOLDER_MODE = 0o700

/** What LevelDB has in a folder from its first moments, before it says which files are current. */
const BEGINNINGS = /^(LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.dbtmp)$/
const DATABASE_FILES = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/

/** What the system or LevelDB says when a disk does not do what it should. */
const DISK_FAILURE = /no space|input\/output|file too large|quota|ENOSPC|EIO|EFBIG|EDQUOT/i

/** A store, open, and what it held. */
export interface OpenedStore {
  readonly store: LevelStore
  /** Null: the node belongs to no cluster yet. */
  readonly stored: StoredState | null
}

/** How a store is opened. */
export interface StoreOptions {
  /** The data directory; made where there is none. */
  readonly folder: string
  /** The node that it has to belong to. */
  readonly name: string
  /** Gives a node without data what sets it apart from all before it of its name. */
  readonly makeIncarnation: () => string
}

/**
 * Opens the store of a node, and checks all that it holds. A directory without data becomes that of
 * a new incarnation of the node, which is durable when this returns.
 *
 * @throws SluiceError `data-dir-unusable`, `data-dir-foreign`, `data-dir-damaged`, `data-lost`,
 *   `data-dir-failed`
 */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const { folder } = options
  try {
    await prepareFolder(folder)
    const database = await openDatabase(join(folder, DATABASE))
    try {
      return await openRecords(database, options)
    } catch (error) {
      await database.close()
      throw error
    }
  } catch (error) {
    throw translate(error, folder)
  }
}

/** @throws what the system says; SluiceError `data-dir-foreign`, `data-dir-damaged` */
async function prepareFolder(folder: string): Promise<void> {
  const path = join(folder, DATABASE)
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  await mkdir(path, { recursive: true, mode: FOLDER_MODE })
  // One that was there before may be open to others.
  await chmod(path, FOLDER_MODE)
  const files = await readdir(path)
  if (files.includes('CURRENT') || files.every((file) => BEGINNINGS.test(file))) return
  // LevelDB would begin anew, and drop what it finds.
  if (files.every((file) => DATABASE_FILES.test(file))) throw damaged('CURRENT is missing')
  throw new SluiceError('data-dir-foreign', `${path} holds files of something else`)
}

async function openDatabase(path: string): Promise<Database> {
  const database = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
  await database.open()
  return database
}

async function openRecords(database: Database, options: StoreOptions): Promise<OpenedStore> {
  const { mark, batch, isNew } = await DurableMark.open(join(options.folder, MARK))
  try {
    const records = await readRecords(database)
    if (batch > (records?.extent.batch ?? 0)) {
      throw damaged(`${batch} batches were durable, ${records?.extent.batch ?? 0} are there`)
    }
    if (isNew && records !== null) throw await withoutMark(options.folder)
    if (records === null) return await begin(database, mark, options)
    const { identity, extent, stored, strayKeys } = records
    verifyOwner(identity, options)
    await dropStrays(database, strayKeys)
    return { store: new LevelStore(database, mark, identity, extent), stored }
  } catch (error) {
    await mark.close()
    throw error
  }
}

/**
 * Puts what a directory holds aside, and what was put aside before away, so that the node begins as
 * another one: what it had promised is never asked of it again.
 *
 * @throws SluiceError `data-dir-unusable`, `data-dir-failed`
 */
export async function abandonStore(folder: string): Promise<void> {
  const path = join(folder, DATABASE)
  try {
    await rm(path + ASIDE, { recursive: true, force: true })
    await rename(path, path + ASIDE)
    await rm(join(folder, MARK), { force: true })
  } catch (error) {
    throw translate(error, folder)
  }
}

/**
 * Makes sure that nothing is in a directory, be it there or not.
 *
 * @throws SluiceError `data-dir-used`, `data-dir-unusable`
 */
export async function expectUnused(folder: string): Promise<void> {
  let names: readonly string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw translate(error, folder)
  }
  const [first] = names.filter((name) => name !== OF_THE_SYSTEM)
  if (first === undefined) return
  throw new SluiceError('data-dir-used', `${folder} is not empty: it holds ${first}`)
}

/** Takes away what {@link openStore} has made in a directory that had no store. */
export async function removeStore(folder: string): Promise<void> {
  await rm(join(folder, DATABASE), { recursive: true, force: true })
  await rm(join(folder, MARK), { force: true })
}

/** A database of which nothing says how much was durable may lack what was acknowledged. */
async function withoutMark(folder: string): Promise<SluiceError> {
  await rm(join(folder, MARK), { force: true })
  const what = `${join(folder, MARK)} is missing beside a database that was used`
  return new SluiceError('data-lost', `${what}: part of the data directory is lost or was replaced`)
}

async function begin(
  database: Database,
  mark: DurableMark,
  { name, makeIncarnation }: StoreOptions,
): Promise<OpenedStore> {
  const identity: NodeIdentity = { name, id: `${name}/${makeIncarnation()}`, clusterId: null }
  const hardState = { term: 0, vote: null }
  const log = { firstIndex: 1, lastIndex: 0 }
  const extent = { batch: 0, hardState, generation: 0, pieces: 0, ...log }
  const store = new LevelStore(database, mark, identity, extent)
  await store.writeAs(identity, {
    sequence: 0,
    hardState,
    snapshot: null,
    isLogReset: false,
    entries: [],
    firstIndex: log.firstIndex,
  })
  return { store, stored: null }
}

function verifyOwner(identity: NodeIdentity, { name, folder }: StoreOptions): void {
  if (identity.name === name && identity.id.startsWith(`${name}/`)) return
  throw new SluiceError('data-dir-foreign', `${folder} belongs to the node ${identity.name}`)
}

async function dropStrays(database: Database, keys: StoredRecords['strayKeys']): Promise<void> {
  if (keys.length === 0) return
  await database.batch(
    keys.map((key) => ({ type: 'del' as const, key })),
    { sync: true },
  )
}

/** What went wrong, in the words of this project. */
function translate(error: unknown, folder: string): SluiceError {
  if (error instanceof SluiceError) return error
  const { message, cause } = error as Error
  // LevelDB's own reason is the cause of the error that says that it is not open.
  const reason = (cause as (Error & { code?: string }) | undefined) ?? (error as Error)
  const code = (reason as { code?: string }).code
  const text = `${folder}: ${cause === undefined ? message : reason.message}`
  if (code === 'LEVEL_LOCKED') {
    return new SluiceError('data-dir-unusable', `another process has ${folder}`, error)
  }
  const isFileGone = code === 'LEVEL_IO_ERROR' && /no such file/i.test(text)
  if (code === 'LEVEL_CORRUPTION' || isFileGone) return damaged(text, error)
  const isFailing = DISK_FAILURE.test(`${code} ${text}`)
  return new SluiceError(isFailing ? 'data-dir-failed' : 'data-dir-unusable', text, error)
}
