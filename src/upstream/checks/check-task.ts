import type { CheckConfig } from '../../model/config.ts'
import type { ProbeTask } from '../probe.ts'
import { createDialogue } from './protocols.ts'

/**
 * How long a check may take to connect, in milliseconds: the smaller of `timeout connect` and
 * `inter` (HAProxy configuration manual, `timeout check`).
 */
export function connectLimitMs({ interMs }: CheckConfig, connectTimeoutMs: number): number {
  return Math.min(connectTimeoutMs, interMs)
}

/**
 * What the next check of a server does. For the conversation it has `timeout check`.
 *
 * @param connectTimeoutMs the backend's `timeout connect`
 */
export function checkTask(check: CheckConfig, connectTimeoutMs: number): ProbeTask {
  const { address, sendProxy, timeoutMs, protocol } = check
  const first = protocol?.kind === 'steps' ? protocol.steps[0] : undefined
  return {
    address,
    port: first?.kind === 'connect' ? first.port : null,
    sendProxy,
    connectTimeoutMs: connectLimitMs(check, connectTimeoutMs),
    timeoutMs,
    dialogue: protocol === null ? null : createDialogue(protocol),
  }
}
