/**
 * The state machine, as a driver calls it, which never waits: what comes back comes by a call, in
 * the same turn or in a later one.
 */
export interface Machine {
  /** @throws SluiceError this node cannot go on */
  apply(index: number, command: Uint8Array): void
  /**
   * @param data empty: the state at start
   * @param index up to which the commands are in it
   */
  restore(data: Uint8Array, index: number): void
  /**
   * Asks for all of the state at the moment of the call.
   *
   * @param onTaken called once; never called where it cannot be had
   */
  snapshot(onTaken: (data: Uint8Array) => void): void
}
