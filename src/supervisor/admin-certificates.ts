import { AdminTls } from '../admin/admin-tls.ts'
import { CertificateWatch } from '../certificates/certificate-watch.ts'
import { changedFiles, textsOfCertificates } from '../certificates/file-changes.ts'
import type { AdminTlsConfig } from '../model/config.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import type { ShownCertificate } from '../operations/operated-node.ts'
import type { DaemonLog } from '../telemetry/daemon-log.ts'
import { CertificateFiles } from './preparation/certificate-files.ts'

/** The certificates of the admin address: read at the start, and when it is asked for. */
export class AdminCertificates {
  readonly tls: AdminTls
  readonly #crt: readonly string[]
  readonly #watch: CertificateWatch

  private constructor(
    { crt, ...settings }: AdminTlsConfig,
    certificates: readonly PlannedCertificate[],
    log: DaemonLog,
  ) {
    this.#crt = crt
    this.tls = new AdminTls(settings, certificates)
    this.#watch = new CertificateWatch(log, Date.now)
    this.#watch.watch(certificates)
  }

  /** @throws SluiceError `certificate-unreadable`, `certificate-invalid` */
  static async open(config: AdminTlsConfig, log: DaemonLog): Promise<AdminCertificates> {
    return new AdminCertificates(config, await readAll(config.crt), log)
  }

  /** Those that are shown, each with where. */
  get shown(): readonly ShownCertificate[] {
    return this.tls.certificates.map((certificate) => ({ certificate, usedBy: ['admin'] }))
  }

  /**
   * What the files say now; to be shown it is {@link renew}ed with.
   *
   * @throws SluiceError `certificate-unreadable`, `certificate-invalid`
   */
  read(): Promise<readonly PlannedCertificate[]> {
    return readAll(this.#crt)
  }

  /** The files that say something else than is shown. */
  changed(certificates: readonly PlannedCertificate[]): readonly string[] {
    const before = textsOfCertificates(this.tls.certificates)
    return changedFiles(before, textsOfCertificates(certificates))
  }

  /** Shows these to who comes from now on. */
  renew(certificates: readonly PlannedCertificate[]): void {
    if (this.changed(certificates).length === 0) return
    this.tls.renew(certificates)
    this.#watch.watch(certificates)
  }

  /** Ends it. */
  stop(): void {
    this.#watch.stop()
  }
}

async function readAll(crt: readonly string[]): Promise<readonly PlannedCertificate[]> {
  const files = new CertificateFiles(Date.now())
  const certificates: PlannedCertificate[] = []
  for (const path of crt) certificates.push(...(await files.read(path)))
  return certificates
}
