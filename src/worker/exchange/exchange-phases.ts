/**
 * The way of a request through a worker, drawn once:
 *
 * ```
 *             clients/        exchange/    dispatch/      servers/       exchange/
 *  accept ──▶ head ─────────▶ rules ─────▶ choose ──────▶ connect ─────▶ forward ───▶ settle
 *   accept/    ▲ http-request   │ ▲ tarpit  │ ▲  queue     │  connect     │ ▲ server    │
 *              │ keep-alive     │ └─ wait   │ └────────────┘ another      │ │ client    │
 *              │                │           │   try of the connection     │ │           │
 *              │                │           └─────────────────────────────┘ │           │
 *              │                │             another try of the request    │           │
 *              │                ▼ denied, redirected   ▼ nobody to be had   ▼           │
 *              └─────────────── an answer of our own ───────────────────────────────────┘
 * ```
 *
 * Under each phase stands the timeout that runs in it. An exchange is in one of these at a time;
 * choosing and connecting take turns without its doing, and are one to it.
 */
export type Phase =
  /** There is no request: the client is to send one. */
  | 'head'
  /** There is one, or what should have been one: whether it may pass, and to which backend. */
  | 'rules'
  /** A rule holds it. */
  | 'wait'
  /** A server is looked for. */
  | 'choose'
  /** The request goes to the server, its response to the client. */
  | 'forward'
  /** Bytes go both ways, unread. */
  | 'tunnel'

/** What holds in a phase. */
export interface PhaseFacts {
  /** What may come next. */
  readonly next: readonly Phase[]
  /**
   * The letter for it in HAProxy's termination state (configuration manual, section 8.5) of a
   * session that its client ends; in line it is Q, and D once a response has begun.
   */
  readonly letter: string
}

/** All phases of an exchange. */
export const PHASES: Readonly<Record<Phase, PhaseFacts>> = {
  head: { next: ['rules'], letter: 'R' },
  rules: { next: ['choose', 'wait', 'head'], letter: 'R' },
  wait: { next: ['rules', 'head'], letter: 'R' },
  choose: { next: ['forward', 'head'], letter: 'C' },
  forward: { next: ['choose', 'tunnel', 'head'], letter: 'H' },
  tunnel: { next: ['head'], letter: 'D' },
}
