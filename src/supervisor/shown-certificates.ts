import { formatAddress } from '../base/address.ts'
import type { PlannedCertificate } from '../model/plan.ts'
import type { ShownCertificate } from '../operations/operated-node.ts'
import type { Prepared } from './preparation/preparation.ts'

/** The certificates that a plan shows, each once, with where it does; in the order of the config. */
export function shownCertificatesOf({ config, plan }: Prepared): ShownCertificate[] {
  const shown = new Map<string, { certificate: PlannedCertificate; usedBy: Set<string> }>()
  const note = (certificate: PlannedCertificate, place: string): void => {
    // Several places may have read the same file, and at different times.
    const identity = `${certificate.path}\n${certificate.chain}`
    const known = shown.get(identity) ?? { certificate, usedBy: new Set() }
    known.usedBy.add(place)
    shown.set(identity, known)
  }
  for (const [n, { name, listeners }] of plan.frontends.entries()) {
    for (const [of, { tls }] of listeners.entries()) {
      const address = config.frontends[n]?.binds[of]?.address
      const place = `frontend ${name} ${address === undefined ? '' : formatAddress(address)}`
      for (const certificate of tls?.certificates ?? []) note(certificate, place.trim())
    }
  }
  for (const { name, servers } of plan.backends) {
    for (const { tls } of servers) {
      if (tls?.certificate) note(tls.certificate, `backend ${name}`)
    }
  }
  return [...shown.values()].map(({ certificate, usedBy }) => {
    return { certificate, usedBy: [...usedBy] }
  })
}
