import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { hasRoom, isForLackOfRoom } from '../../../../src/consensus/store/disk-room.ts'
import { abandonStore } from '../../../../src/consensus/store/store-opening.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { commandEntry, entriesWrite } from './log-twin.ts'
import { open, openMember, reopen, write } from './store-lab.ts'

async function usedFolder(): Promise<string> {
  const folder = temporaryFolder()
  const store = await openMember(folder)
  await write(store, entriesWrite([commandEntry(1, 1)], { term: 1, vote: null }))
  await store.close()
  return folder
}

describe('a database without its mark', () => {
  it('is taken for one that has lost something, again and again', async () => {
    const folder = await usedFolder()
    rmSync(join(folder, 'consensus.mark'))
    for (let n = 0; n < 2; n++) {
      await expect(reopen(folder)).rejects.toMatchObject({ code: 'data-lost' })
    }
  })

  it('is nothing strange where the database is missing too', async () => {
    const folder = await usedFolder()
    rmSync(join(folder, 'consensus.mark'))
    rmSync(join(folder, 'consensus'), { recursive: true })
    expect(await reopen(folder)).toBeNull()
  })
})

describe('a store that is given up', () => {
  it('is put aside, and the node begins as another one', async () => {
    const folder = await usedFolder()
    await abandonStore(folder)
    expect(existsSync(join(folder, 'consensus.lost', 'CURRENT'))).toBe(true)
    const { store, stored } = await open(folder, 'lb1', '2')
    expect(stored).toBeNull()
    expect(store.identity).toEqual({ name: 'lb1', id: 'lb1/2', clusterId: null })
    await store.close()
    await abandonStore(folder)
    expect(await reopen(folder)).toBeNull()
  })
})

describe('a lack of room', () => {
  it.each([
    ['what LevelDB says', new Error('IO error: 000005.log: No space left on device')],
    ['what the system says', Object.assign(new Error('write'), { code: 'ENOSPC' })],
    ['a quota', Object.assign(new Error('write'), { code: 'EDQUOT' })],
  ])('is known by %s, however it is wrapped', (_, cause) => {
    expect(isForLackOfRoom(cause)).toBe(true)
    expect(isForLackOfRoom(new SluiceError('data-dir-failed', 'not written', cause))).toBe(true)
  })

  it.each([['Input/output error'], ['File too large'], ['Read-only file system']])(
    'is not %s',
    (message) => {
      const error = new SluiceError('data-dir-failed', 'not written', new Error(message))
      expect(isForLackOfRoom(error)).toBe(false)
    },
  )

  it('is over where the disk has some', async () => {
    expect(await hasRoom(temporaryFolder())).toBe(true)
  })
})
