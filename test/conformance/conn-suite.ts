import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { describeAddresses, describeConnecting } from './conn-connecting.ts'
import { describeEnding } from './conn-ending.ts'
import { type EngineUnderTest, labTest } from './conn-lab.ts'
import { describeLastWords } from './conn-last-words.ts'
import { describeListening } from './conn-listening.ts'
import { describeQuiet } from './conn-quiet.ts'
import { describeTransfer } from './conn-transfer.ts'

/**
 * Every rule of src/net/conn.ts, for one engine. The order of callbacks is checked in all tests, by
 * the probe that handles each connection.
 */
export function describeConn(subject: EngineUnderTest): void {
  const it = labTest(subject)

  describe.each(['inet', 'unix'] as const)('over %s', (kind) => {
    describeTransfer(it, kind)
    describeEnding(it, kind)
    describeLastWords(it, kind)
    describeListening(it, kind)
    describeQuiet(it, kind)
  })
  describe('connecting', () => describeConnecting(it))
  describe('addresses', () => describeAddresses(it))

  it('refuses a descriptor that is not open, or not a socket', ({ lab }) => {
    const file = openSync(join(lab.folder, 'file'), 'w')
    for (const [fd, code] of [
      [2 ** 20, 'invariant-broken'],
      [file, 'bind-failed'],
    ] as const) {
      expect(() => lab.engine.listen(fd, 'inet', () => {})).toThrow(
        expect.objectContaining({ code }),
      )
    }
    closeSync(file)
  })
}
