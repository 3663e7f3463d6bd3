import type { PlannedCertificate } from '../model/plan.ts'

/** What files of TLS say, by their paths. */
export type TlsTexts = ReadonlyMap<string, string>

/** What the files of certificates say, their keys included. */
export function textsOfCertificates(certificates: readonly PlannedCertificate[]): TlsTexts {
  return new Map(certificates.map(({ path, chain, key }) => [path, `${chain}\n${key}`]))
}

/** The files that say something else, are new, or are gone; in the order of their names. */
export function changedFiles(before: TlsTexts, after: TlsTexts): string[] {
  const files = new Set([...before.keys(), ...after.keys()])
  return [...files].filter((file) => before.get(file) !== after.get(file)).sort()
}
