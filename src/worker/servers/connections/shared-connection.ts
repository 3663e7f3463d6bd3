/** Who may be given streams of a connection, as the connection knows it. */
export interface SharedHome {
  /** The connection takes no further streams. */
  remove(connection: SharedConnection): void
  /** Its last stream is over. */
  rested(connection: SharedConnection): void
  /** It has a stream again. */
  woken(connection: SharedConnection): void
}

/** A connection that carries many requests at once, as those know it who give its streams away. */
export interface SharedConnection {
  /** Null: nobody may be given its streams. */
  home: SharedHome | null
  /** It carries nothing, and its home knows. */
  isResting: boolean
  /** A response has come on it: the server is there, and keeps it. */
  readonly isProven: boolean
  /** How many it carries. */
  readonly streams: number
  /** It can carry another one now. */
  readonly hasRoom: boolean
  /** Nothing is known of an end. Of one that carries nothing the kernel is asked. */
  readonly isAlive: boolean
  /** Whether it has asked for this name in TLS; undefined: for any. */
  isTo(serverName: string | null | undefined): boolean
  /** Closes it, telling the server so. */
  close(): void
  /** Resets it. */
  reset(): void
}
