import type { ConnHandler } from './conn.ts'

/** The handler of a connection that was given up: what becomes of it concerns nobody any more. */
export const UNHEARD: ConnHandler = {
  onConnect() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
}
