/** Time, as a node needs it. The simulator has a virtual one. */
export interface Scheduler {
  /** Milliseconds since an arbitrary start, never going back. */
  nowMs(): number
  /**
   * Calls once, when a time has come; as soon as what is at hand is done where it is over already,
   * and never before this returns.
   *
   * @returns takes the call back; does nothing once it was made
   */
  callAt(atMs: number, call: () => void): () => void
}
