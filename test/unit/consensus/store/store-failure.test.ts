import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ClassicLevel } from 'classic-level'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { requires } from '../../../e2e/support/requirements.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { sourceAt, sourcesIn, stripSources } from '../../../fixtures/stripped-sources.ts'
import { commandEntry, entriesWrite } from './log-twin.ts'
import { open, openMember, reopen, write } from './store-lab.ts'

let program = ''
beforeAll(() => {
  const rooms = ['store', 'encoding', 'log'].flatMap((room) => sourcesIn(`src/consensus/${room}`))
  const own = sourceAt(new URL('store-process.ts', import.meta.url))
  const output = stripSources('consensus-store', ['src/base/errors.ts', ...rooms, own])
  program = join(output, own.replace(/\.ts$/, '.js'))
})

interface StoreProcess {
  readonly child: ChildProcess
  /** What it prints, line by line. */
  readonly lines: AsyncIterator<string>
}

/** Starts `store-process.ts`, which ends with the test. */
function startStore(folder: string, bytes: number, command: readonly string[] = []): StoreProcess {
  const [file = '', ...args] = [...command, process.execPath, program, folder, `${bytes}`]
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return { child, lines }
}

async function nextLine({ lines }: StoreProcess): Promise<string> {
  return (await lines.next()).value as string
}

/** Reads until the process ends. @returns the last index that was durable, and the last line */
async function readToEnd(store: StoreProcess): Promise<{ durable: number; last: string }> {
  let durable = 0
  let last = ''
  for (let line = await nextLine(store); line !== undefined; line = await nextLine(store)) {
    last = line
    if (/^\d+$/.test(line)) durable = Number(line)
  }
  return { durable, last }
}

describe('a data directory', () => {
  it('that another process has is not usable', async () => {
    const folder = temporaryFolder()
    const other = startStore(folder, 100)
    expect(await nextLine(other)).toBe('open')
    await expect(open(folder)).rejects.toMatchObject({
      code: 'data-dir-unusable',
      message: expect.stringContaining('another process'),
    })
  })

  it('that this process has already is not usable', async () => {
    const folder = temporaryFolder()
    const store = await openMember(folder)
    await expect(open(folder)).rejects.toMatchObject({ code: 'data-dir-unusable' })
    await write(store, entriesWrite([commandEntry(1, 1)], { term: 1, vote: null }))
  })

  it('that is a file is not usable', async () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, '')
    await expect(open(path)).rejects.toMatchObject({ code: 'data-dir-unusable' })
    await expect(open(join(path, 'below'))).rejects.toMatchObject({ code: 'data-dir-unusable' })
  })

  it('of another node is foreign', async () => {
    const folder = temporaryFolder()
    await (await openMember(folder)).close()
    await expect(open(folder, 'lb2')).rejects.toMatchObject({
      code: 'data-dir-foreign',
      message: expect.stringContaining('lb1'),
    })
  })

  it('with files of something else is foreign', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'consensus'))
    writeFileSync(join(folder, 'consensus', 'thesis.txt'), '')
    await expect(open(folder)).rejects.toMatchObject({ code: 'data-dir-foreign' })
  })

  it('with the database of something else is not taken', async () => {
    const folder = temporaryFolder()
    const level = new ClassicLevel(join(folder, 'consensus'))
    await level.put('key', 'value')
    await level.close()
    await expect(open(folder)).rejects.toMatchObject({ code: 'data-dir-damaged' })
  })

  it('whose first start was cut off is begun anew', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'consensus'))
    for (const file of ['LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']) {
      writeFileSync(join(folder, 'consensus', file), '')
    }
    expect((await open(folder)).stored).toBeNull()
  })
})

describe('a store whose process is killed', () => {
  it('has all that was durable', async () => {
    const folder = temporaryFolder()
    for (let life = 0; life < 5; life++) {
      const store = startStore(folder, 300 + life * 20_000)
      let durable = 0
      while (durable < 20 * (life + 1)) durable = Number(await nextLine(store)) || 0
      store.child.kill('SIGKILL')
      durable = Math.max(durable, (await readToEnd(store)).durable)
      const stored = await reopen(folder)
      const count = stored?.entries.length ?? 0
      expect(count).toBeGreaterThanOrEqual(durable)
      expect(stored?.hardState.term).toBe(count)
    }
  })
})

describe('a disk that fails', () => {
  /** Writes until that fails, then once more. */
  async function writeUntilFailure(folder: string, onFirst: () => void): Promise<number> {
    const store = await openMember(folder)
    await write(store, entriesWrite([commandEntry(1, 1)], { term: 1, vote: 'lb1/1' }))
    onFirst()
    const failed = Array.from({ length: 3 }, (_, n) =>
      write(store, entriesWrite([commandEntry(n + 2, 1)], null)),
    )
    for (const failure of failed) {
      await expect(failure).rejects.toMatchObject({ code: 'data-dir-failed' })
    }
    await expect(write(store, entriesWrite([commandEntry(5, 1)], null))).rejects.toMatchObject({
      code: 'data-dir-failed',
    })
    await store.close()
    return store.batches
  }

  it('ends the store: its log is gone from under it (EBADF)', async (context) => {
    requires('linux')(context)
    const folder = temporaryFolder()
    await writeUntilFailure(folder, () => {
      const log = readdirSync('/proc/self/fd').find((fd) => {
        try {
          const path = readlinkSync(`/proc/self/fd/${fd}`)
          return path.startsWith(folder) && path.endsWith('.log')
        } catch {
          return false
        }
      })
      closeSync(Number(log))
    })
    // What was acknowledged is there.
    expect((await reopen(folder))?.entries[0]).toEqual(commandEntry(1, 1))
  })

  it('ends the store: a file may not grow (EFBIG)', async (context) => {
    requires('linux')(context)
    const folder = temporaryFolder()
    const store = startStore(folder, 10_000, ['prlimit', '--fsize=300000', '--'])
    const { durable, last } = await readToEnd(store)
    expect(last).toBe('data-dir-failed')
    expect(durable).toBeGreaterThan(5)
    const entries = (await reopen(folder))?.entries.length
    expect(entries).toBeGreaterThanOrEqual(durable)
  })

  describe('that is full', () => {
    beforeEach(requires('root', 'linux'))

    it('ends the store, which can be opened once there is room', async (context) => {
      const folder = temporaryFolder()
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'pipe' })
      } catch {
        context.skip('may not mount a file system here')
      }
      onTestFinished(() => {
        execFileSync('umount', ['--lazy', folder])
      })
      const { durable, last } = await readToEnd(startStore(folder, 50_000))
      expect(last).toBe('data-dir-failed')
      expect(durable).toBeGreaterThan(5)
      await expect(open(folder)).rejects.toMatchObject({ code: 'data-dir-failed' })
      execFileSync('mount', ['-o', 'remount,size=20m', folder])
      expect((await reopen(folder))?.entries.length).toBeGreaterThanOrEqual(durable)
    })
  })
})
