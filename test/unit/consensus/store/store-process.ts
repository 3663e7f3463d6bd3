import type { Persist } from '../../../../src/consensus/log/persist.ts'
import { openStore } from '../../../../src/consensus/store/store-opening.ts'

/**
 * `store-process.js FOLDER BYTES`: writes entries of a size to a store without end. Prints `open`,
 * then the index of each entry that is durable, one a line; at a failure its code, and ends.
 */
const [folder = '', bytes = '100'] = process.argv.slice(2)

try {
  const { store, stored } = await openStore({ folder, name: 'lb1', makeIncarnation: () => '1' })
  if (stored === null) {
    const membership = {
      voters: [{ id: 'lb1/1', name: 'lb1', address: '127.0.0.1:7400' }],
      outgoing: [],
      learners: [],
      invited: [],
    }
    await store.found('cluster-1', { index: 0, term: 0, membership, data: new Uint8Array() })
  }
  process.stdout.write('open\n')
  for (let index = (stored?.entries.length ?? 0) + 1; ; index++) {
    const data = new Uint8Array(Number(bytes)).map(() => Math.random() * 256)
    const persist: Persist = {
      sequence: index,
      hardState: { term: index, vote: 'lb1/1' },
      snapshot: null,
      isLogReset: false,
      entries: [{ index, term: index, payload: { kind: 'command', data } }],
      firstIndex: 1,
    }
    await new Promise<void>((resolve, reject) => {
      store.write(persist, (failure) => (failure === null ? resolve() : reject(failure)))
    })
    process.stdout.write(`${index}\n`)
  }
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`)
}
