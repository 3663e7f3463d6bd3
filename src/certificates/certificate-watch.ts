import type { Plan, PlannedCertificate } from '../model/plan.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** From so many days before its end a certificate is told of, once a day. */
const WARNED_DAYS = 14

/** Says which certificates that clients are shown end soon, so that nobody finds out by their end. */
export class CertificateWatch {
  readonly #log: DaemonLog
  readonly #nowMs: () => number
  readonly #timer: NodeJS.Timeout
  #certificates: readonly PlannedCertificate[] = []
  /** Days left when it was told of last, by file and end. */
  #told = new Map<string, number>()

  /** @param nowMs milliseconds since 1970 */
  constructor(log: DaemonLog, nowMs: () => number) {
    this.#log = log
    this.#nowMs = nowMs
    this.#timer = setInterval(() => this.#look(), HOUR_MS).unref()
  }

  /** Watches those of this plan from now on. */
  follow({ frontends }: Pick<Plan, 'frontends'>): void {
    const listeners = frontends.flatMap((frontend) => frontend.listeners)
    this.watch(listeners.flatMap(({ tls }) => tls?.certificates ?? []))
  }

  /** Watches these from now on. */
  watch(certificates: readonly PlannedCertificate[]): void {
    this.#certificates = certificates
    this.#look()
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const told = new Map<string, number>()
    for (const certificate of this.#certificates) {
      const { path, notAfterMs } = certificate
      const daysLeft = Math.floor((notAfterMs - this.#nowMs()) / DAY_MS)
      const key = `${path} ${notAfterMs}`
      if (daysLeft > WARNED_DAYS || told.has(key)) continue
      told.set(key, daysLeft)
      if (this.#told.get(key) !== daysLeft) this.#tell(certificate, daysLeft)
    }
    this.#told = told
  }

  #tell({ path, names, notAfterMs }: PlannedCertificate, daysLeft: number): void {
    const until = new Date(notAfterMs).toISOString()
    const when = notAfterMs <= this.#nowMs() ? 'has expired' : `expires in ${daysLeft} days`
    const message = `the certificate ${path} ${when}, ${until}: put a new one in its place and reload`
    this.#log.warn('certificate-expiring', message, { file: path, names, daysLeft, until })
  }
}
