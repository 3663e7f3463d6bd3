import { SluiceError } from '../../base/errors.ts'
import type { PeerBus } from '../../consensus/peer-bus.ts'
import { decodeElapsed, encodeMessage } from '../peer-requests.ts'

/** A node that has not said by then how long a version has waited is passed over. */
const ELAPSED_TIMEOUT_MS = 1_000

/**
 * Asks other nodes how long a version has waited to be confirmed.
 *
 * @param names of those to ask
 * @returns what each of them has counted that knows of it
 */
export async function askElapsed(
  peers: PeerBus,
  names: readonly string[],
  version: number,
): Promise<readonly number[]> {
  const body = encodeMessage({ version })
  const answers = await Promise.all(
    names.map(async (name) => {
      try {
        const answer = await peers.ask(name, 'confirmation', body, ELAPSED_TIMEOUT_MS)
        return decodeElapsed(answer)
      } catch (error) {
        // It is away, or of a version that does not count: others may know.
        if (error instanceof SluiceError) return null
        throw error
      }
    }),
  )
  return answers.filter((elapsedMs) => elapsedMs !== null)
}
