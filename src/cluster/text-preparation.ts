import { SluiceError } from '../base/errors.ts'
import type { Agreement } from '../consensus/agreement.ts'
import type { PeerBus } from '../consensus/peer-bus.ts'
import type { ApplyOutcome, ClusterHost } from './cluster.ts'
import { encodeMessage } from './peer-requests.ts'

/** A node that has not prepared a text by then counts as unreachable. */
const PREPARE_TIMEOUT_MS = 5_000

/** What is bound for a text is kept for so long: the agreement that follows takes less. */
const KEEP_MS = 30_000

/** Characters of a node's reason that are told. */
const REASON_LENGTH_MAX = 4_000

type Answer =
  | { readonly name: string; readonly result: 'prepared' | 'unreachable' }
  | { readonly name: string; readonly result: 'refused'; readonly error: SluiceError }

/** Who prepares a text. */
export interface Preparers {
  /** This node's name. */
  readonly name: string
  readonly host: ClusterHost
  readonly agreement: Agreement
  /** Null: it reaches no others. */
  readonly peers: PeerBus | null
}

/**
 * Has every node that can be reached make sure that it can run a text, all at once.
 *
 * @throws SluiceError `cluster-unprepared`, its message the reasons, a line or more a node; of a
 *   single node, its own error
 */
export async function prepareEverywhere(
  { name, host, agreement, peers }: Preparers,
  text: string,
): Promise<ApplyOutcome['nodes']> {
  const { nodes } = await agreement.status()
  const others = nodes.filter((node) => {
    return node.name !== name && node.membership !== 'invited'
  })
  const body = encodeMessage({ text, keepMs: KEEP_MS })
  const answers = await Promise.all([
    answerOf(name, () => host.prepare(text, KEEP_MS)),
    ...others.map((node) =>
      peers === null || node.isReachable === false
        ? ({ name: node.name, result: 'unreachable' } as const)
        : answerOf(node.name, () => peers.ask(node.name, 'prepare', body, PREPARE_TIMEOUT_MS)),
    ),
  ])
  const refusals = answers.filter((answer) => answer.result === 'refused')
  const [first] = refusals
  if (first === undefined) {
    return answers.flatMap((answer) => (answer.result === 'refused' ? [] : [answer]))
  }
  if (others.length === 0) throw first.error
  throw new SluiceError(
    'cluster-unprepared',
    refusals.map((answer) => `${answer.name}: ${reasonOf(answer.error)}`).join('\n'),
    first.error,
  )
}

async function answerOf(name: string, ask: () => Promise<unknown>): Promise<Answer> {
  try {
    await ask()
    return { name, result: 'prepared' }
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    const isAway = error.code === 'peer-unreachable' || error.code === 'outcome-unknown'
    if (isAway) return { name, result: 'unreachable' }
    return { name, result: 'refused', error }
  }
}

/** A reason of several lines goes on indented, so that a line that is not begins another node's. */
function reasonOf({ message }: SluiceError): string {
  return message.slice(0, REASON_LENGTH_MAX).trimEnd().replaceAll('\n', '\n  ')
}
