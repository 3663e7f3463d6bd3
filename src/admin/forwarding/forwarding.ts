import type { Duplex } from 'node:stream'
import { SluiceError } from '../../base/errors.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import {
  decodeAnswer,
  encodeChange,
  type ForwardedAnswer,
  type ForwardedChange,
} from './forwarded-change.ts'
import { askOverStream } from './node-requests.ts'

/** For a change to be carried out: every node prepares a config, which may resolve host names. */
export const CHANGE_TIMEOUT_MS = 60_000

/**
 * Has a change made by the leader, over the link that both nodes have anyway. Of the client's
 * headers none goes along: this node has checked them.
 *
 * @param to name of the leader
 * @returns the leader's answer
 * @throws SluiceError `peer-unreachable`, `overloaded`: the leader has not been told;
 *   `outcome-unknown`: it may have been, and has not answered, as when it has died meanwhile. It is
 *   never told twice.
 */
export async function forwardChange(
  cluster: Cluster,
  to: string,
  change: ForwardedChange,
): Promise<ForwardedAnswer> {
  try {
    const answer = decodeAnswer(await cluster.forward(to, encodeChange(change), CHANGE_TIMEOUT_MS))
    if (answer !== null) return answer
  } catch (error) {
    if (!(error instanceof SluiceError)) throw wayless(to, error)
    // A version that knows no such question has done nothing; it takes HTTP over a stream.
    if (error.code === 'peer-refused') return forwardOverStream(cluster, to, change)
    throw error
  }
  throw unknown(to, null)
}

/** As earlier versions take it: one stream, and so one handshake, for each change. */
async function forwardOverStream(
  cluster: Cluster,
  to: string,
  change: ForwardedChange,
): Promise<ForwardedAnswer> {
  const stream: Duplex = await cluster.openStream(to).catch((error: unknown) => {
    throw error instanceof SluiceError ? error : wayless(to, error)
  })
  const late = setTimeout(() => stream.destroy(), CHANGE_TIMEOUT_MS)
  try {
    return { answer: await askOverStream(stream, change), appliedIndex: null }
  } catch (error) {
    throw unknown(to, error)
  } finally {
    clearTimeout(late)
    stream.destroy()
  }
}

function wayless(to: string, cause: unknown): SluiceError {
  return new SluiceError('peer-unreachable', `there is no way to ${to}`, cause)
}

function unknown(to: string, cause: unknown): SluiceError {
  const message = `${to} was told of the change, and its answer has been lost`
  return new SluiceError('outcome-unknown', message, cause)
}
