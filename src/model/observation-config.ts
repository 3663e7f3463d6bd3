/**
 * Which servers of a backend are ejected for what they answer, and for how long. The ideas are
 * Envoy's (Envoy documentation, outlier detection), and so are the defaults unless another is
 * given as ours.
 */
export interface OutlierDetectionConfig {
  /** Errors in a row that eject a server; 0: none do. */
  readonly consecutiveErrors: number
  /** The same of 502, 503, 504, and of responses and connections that do not come about. */
  readonly consecutiveGatewayErrors: number
  /** Ejects servers that fail far more often than the pool; null: off. */
  readonly successRate: (ComparedServers & { readonly stdevFactor: number }) | null
  /** Ejects servers whose mean response time is so many times the pool's; null: off. */
  readonly latency: (ComparedServers & { readonly factor: number }) | null
  /** How far is looked back where servers are compared: between a half of it and all. */
  readonly intervalMs: number
  /** The first ejection lasts so long, the second in short order twice that, and so on, */
  readonly baseEjectionMs: number
  /** up to this. At least {@link baseEjectionMs}. */
  readonly maxEjectionMs: number
  /** Percent of the servers that may be ejected at once; of two or more, one always may. */
  readonly maxEjectionPercent: number
  /** Ejections are ignored while fewer percent of the servers would be left. 0: never. */
  readonly panicThreshold: number
}

/** What it takes to compare servers with each other. */
export interface ComparedServers {
  /** Servers that have had enough requests. Ours: 3, of which two can agree; Envoy's is 5. */
  readonly minHosts: number
  /** Requests that are enough. Ours: 30, to judge within seconds; Envoy's is 100. */
  readonly minRequests: number
}

/** HAProxy's `observe`, `error-limit` and `on-error`. */
export interface ObserveConfig {
  /** `layer4`: connections that do not come about; `layer7`: bad responses too. */
  readonly layer: 'layer4' | 'layer7'
  /** Errors in a row after which {@link onError} is done, at least 1. */
  readonly errorLimit: number
  readonly onError: OnError
}

/**
 * HAProxy's `on-error`. `fastinter`: the next checks come sooner. `fail-check`: as if a check had
 * failed. `sudden-death`: as if all checks but the last one of `fall` had. `mark-down`: down at
 * once.
 */
export type OnError = 'fastinter' | 'fail-check' | 'sudden-death' | 'mark-down'

/**
 * How much a backend takes on before it refuses more at once, over all threads, instead of letting
 * everybody wait for servers that cannot keep up (Envoy documentation, circuit breaking).
 */
export interface CircuitBreakerConfig {
  /** Sessions that it works on or that wait; 0: no bound but the frontends'. */
  readonly maxRequests: number
  /** Sessions that wait for a server, 0 or more; null: no bound but {@link maxRequests}. */
  readonly maxPending: number | null
}
