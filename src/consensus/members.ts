/** How a node is taken out. */
export interface RemovalOptions {
  /** Also where the cluster then stands still until voters that do not answer are back. */
  readonly isForced: boolean
}

/**
 * Who takes part. A change resolves when it is agreed on; any node may ask. Errors, all
 * `SluiceError`, beside those of the methods: what agreement has, and `membership-changing`
 * (another change is under way, for too long).
 */
export interface Members {
  /**
   * Lets a node of this name join: as a learner once it appears; the engine makes it a voter as soon
   * as it has caught up.
   *
   * @throws SluiceError `member-exists`, `members-full`
   */
  add(name: string, address: string): Promise<void>
  /**
   * Takes a node out. Unless it is forced, nothing is proposed where the voters that are left have
   * no majority that answers.
   *
   * @throws SluiceError `member-unknown`, `member-last`, `quorum-at-risk`
   */
  remove(name: string, options?: RemovalOptions): Promise<void>
  /** Hands leadership over. @throws SluiceError `member-unknown`, `transfer-failed` */
  transfer(name: string): Promise<void>
}
