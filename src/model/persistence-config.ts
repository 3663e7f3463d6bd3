/** How clients keep coming back to their server: of a backend. */
export interface PersistenceConfig {
  readonly cookie: CookieConfig | null
  /** `option persist`: a cookie or an entry holds even where its server is down. */
  readonly persist: boolean
  /** `force-persist`: conditions (`if COND`) under which it does so for one request. */
  readonly forcePersist: readonly string[]
  /** `ignore-persist`: conditions under which the cookie of a request is not looked at. */
  readonly ignorePersist: readonly string[]
  /** Null where nothing sticks by a table. */
  readonly stickTable: StickTableConfig | null
  /** `stick` rules as written, in order: `on src`. */
  readonly stick: readonly string[]
}

/** HAProxy's `cookie` of a backend. */
export interface CookieConfig {
  readonly name: string
  /** Who makes the cookie; `passive`: the servers alone, and it is only followed. */
  readonly mode: 'insert' | 'rewrite' | 'prefix' | 'passive'
  readonly indirect: boolean
  readonly nocache: boolean
  readonly postonly: boolean
  readonly preserve: boolean
  readonly httponly: boolean
  readonly secure: boolean
  readonly domains: readonly string[]
  /** How long a client may stay away, in seconds; 0: as long as it likes. */
  readonly maxIdleSec: number
  /** How long a cookie holds at most, in seconds; 0: for ever. */
  readonly maxLifeSec: number
  /** `attr`: attributes of the Set-Cookie as written. */
  readonly attributes: readonly string[]
  /**
   * `dynamic`: the values of servers without a `cookie` of their own are made from their addresses
   * and this secret (`dynamic-cookie-key`); null where they are not. Never to be logged.
   */
  readonly dynamicKey: string | null
}

/** HAProxy's `stick-table` of a backend. */
export interface StickTableConfig {
  readonly type: 'ip' | 'ipv6' | 'integer' | 'string'
  /** Bytes of a key of type `string` that count. HAProxy's `len`. */
  readonly keyBytesMax: number
  /** Entries that there is room for, 1 to 16 Mi. */
  readonly entriesMax: number
  /** How long an entry lasts that is not used, in seconds; 0: until its room is needed. */
  readonly expireSec: number
  /** No entry goes before its time. */
  readonly nopurge: boolean
}
