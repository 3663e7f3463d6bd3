import { SluiceError } from '../../base/errors.ts'
import { inSlices, type Steps } from '../../base/work-slices.ts'
import { type TlsTexts, textsOfCertificates } from '../../certificates/file-changes.ts'
import type { NameResolution } from '../../discovery/name-resolution.ts'
import {
  hostNamesOf,
  isUnresolved,
  lookUpServers,
  placesOf,
} from '../../discovery/server-addresses.ts'
import type { BindTlsConfig, ClientVerificationConfig } from '../../model/bind-tls.ts'
import type { Config, ErrorAnswerConfig } from '../../model/config.ts'
import type { OwnAnswer } from '../../model/own-answer.ts'
import type {
  PlannedAuthorities,
  PlannedCertificate,
  PlannedClientVerification,
  PlannedErrorAnswer,
  PlannedTls,
} from '../../model/plan.ts'
import { readAuthority } from './certificate-authorities.ts'
import { CertificateFiles } from './certificate-files.ts'
import { answerKey, readErrorAnswer } from './error-answer-files.ts'
import { type Lack, lackOf } from './lacks.ts'
import { type AgreedNamed, agreedNamed } from './named-things.ts'
import { readRevocations } from './server-tls/revocation-files.ts'

/**
 * What was read of what a config names, held so that the config runs with exactly that. Host names
 * are in the resolution that looked them up.
 */
export interface Gathered {
  /** Answers as they are sent, by {@link answerKey}. */
  readonly answers: ReadonlyMap<string, OwnAnswer>
  /** By `ca-file`. */
  readonly authorities: ReadonlyMap<string, PlannedAuthorities>
  /** PEM by `crl-file`. */
  readonly revocations: ReadonlyMap<string, string>
  /** By `crt`. */
  readonly certificates: ReadonlyMap<string, readonly PlannedCertificate[]>
  /** Host names that were looked up. */
  readonly names: ReadonlySet<string>
}

/** Whether no file is read for a config and no host looked up, of which there may be news by now. */
export function namesNothing(gathered: Gathered): boolean {
  return Object.values(gathered).every((named) => named.size === 0)
}

/** What was gathered, and what could not be. */
export interface Gathering {
  readonly gathered: Gathered
  readonly lacks: readonly Lack[]
}

/** What was gathered, but for the files of TLS: what is held of it is not read again. */
export function withoutTls(gathered: Gathered): Gathered {
  const { authorities, revocations, certificates } = NOTHING_GATHERED
  return { ...gathered, authorities, revocations, certificates }
}

/** What each file of TLS says. */
export function textsOfTls({ authorities, revocations, certificates }: Gathered): TlsTexts {
  return new Map([
    ...[...authorities.values()].map(({ caFile, pem }) => [caFile, pem] as const),
    ...revocations,
    ...textsOfCertificates([...certificates.values()].flat()),
  ])
}

/** Nothing. */
export const NOTHING_GATHERED: Gathered = {
  answers: new Map(),
  authorities: new Map(),
  revocations: new Map(),
  certificates: new Map(),
  names: new Set(),
}

/**
 * Reads what a config names outside of itself, each file once, and looks up its host names.
 *
 * @param held what is not read again: what was gathered for the same text before
 * @param running what runs now: authorities whose text is the same stay the same object, so that it
 *   need not be compared again for each server
 */
export async function gather(
  config: Config,
  names: NameResolution,
  held: Gathered = NOTHING_GATHERED,
  running: Gathered = NOTHING_GATHERED,
): Promise<Gathering> {
  const hosts = hostNamesOf(config)
  const reader = new Reader(config, names, held, running)
  const { answers, authorities, revocations, certificates } = reader
  const lookedUp = lookUpServers(config, names, held.names)
  const named = await inSlices(thingsToRead(config))
  const lacks: Lack[] = []
  const read = async (isRead: (one: AgreedNamed) => boolean): Promise<void> => {
    for (const one of named.filter(isRead)) lacks.push(...(await reader.lackOf(one)))
  }
  await read(({ kind }) => kind !== 'server')
  await lookedUp
  await read(({ kind }) => kind === 'server')
  return { gathered: { answers, authorities, revocations, certificates, names: hosts }, lacks }
}

/** All but the servers that are found without a look-up. */
function* thingsToRead(config: Config): Steps<AgreedNamed[]> {
  const named: AgreedNamed[] = []
  for (const one of agreedNamed(config)) {
    if (one.kind !== 'server' || isUnresolved(one.address)) named.push(one)
    yield
  }
  return named
}

/** TLS of a bind, with what the files hold that it names. */
export function tlsOf(gathered: Gathered, tls: BindTlsConfig | null): PlannedTls | null {
  if (tls === null) return null
  const { crt, clients, ...settings } = tls
  const certificates = crt.flatMap((path) => gathered.certificates.get(path) ?? [])
  return { ...settings, certificates, clients: clientsOf(gathered, clients) }
}

function clientsOf(
  { authorities, revocations }: Gathered,
  clients: ClientVerificationConfig | null,
): PlannedClientVerification | null {
  if (clients === null) return null
  const { caFile, crlFile, ...settings } = clients
  return {
    ...settings,
    authorities: authorities.get(caFile) as PlannedAuthorities,
    revocations: crlFile === null ? null : (revocations.get(crlFile) as string),
  }
}

/** The answers of a section. */
export function answersOf(
  { answers }: Gathered,
  errorAnswers: readonly ErrorAnswerConfig[],
): readonly PlannedErrorAnswer[] {
  return errorAnswers.map((answer) => ({
    status: answer.status,
    answer: answers.get(answerKey(answer)) as OwnAnswer,
  }))
}

/** Reads one thing after the other. */
class Reader {
  readonly answers: Map<string, OwnAnswer>
  readonly authorities: Map<string, PlannedAuthorities>
  readonly revocations: Map<string, string>
  readonly certificates: Map<string, readonly PlannedCertificate[]>
  readonly #certificateFiles = new CertificateFiles(Date.now())
  readonly #unreadable = new Map<string, SluiceError>()
  readonly #tune: Config['global']['tune']
  readonly #names: NameResolution
  readonly #running: Gathered

  constructor(config: Config, names: NameResolution, held: Gathered, running: Gathered) {
    this.#tune = config.global.tune
    this.#names = names
    this.#running = running
    this.answers = new Map(held.answers)
    this.authorities = new Map(held.authorities)
    this.revocations = new Map(held.revocations)
    this.certificates = new Map(held.certificates)
  }

  async lackOf(named: AgreedNamed): Promise<Lack[]> {
    try {
      await this.#read(named)
      return []
    } catch (error) {
      return [lackOf(named, named.kind === 'server' ? 'unresolved-name' : 'unusable-file', error)]
    }
  }

  async #read(named: AgreedNamed): Promise<void> {
    switch (named.kind) {
      case 'answer': {
        const key = answerKey(named.answer)
        if (this.answers.has(key)) return
        this.answers.set(key, await readErrorAnswer(named.answer, named.title, this.#tune))
        return
      }
      case 'authorities':
        if (named.isNeeded) await this.#readAuthority(named.caFile)
        return
      case 'revocations':
        if (this.revocations.has(named.crlFile)) return
        this.revocations.set(named.crlFile, await readRevocations(named.crlFile))
        return
      case 'certificates':
        if (this.certificates.has(named.crt)) return
        this.certificates.set(named.crt, await this.#certificateFiles.read(named.crt))
        return
      case 'server':
        placesOf(named.server, this.#names)
        return
      case 'bind':
    }
  }

  /** Each once, however many servers name it, and also where it cannot be read. */
  async #readAuthority(caFile: string): Promise<void> {
    const known = this.#unreadable.get(caFile)
    if (known !== undefined) throw known
    if (this.authorities.has(caFile)) return
    try {
      const pem = await readAuthority(caFile)
      const running = this.#running.authorities.get(caFile)
      this.authorities.set(caFile, running?.pem === pem ? running : { caFile, pem })
    } catch (error) {
      if (error instanceof SluiceError) this.#unreadable.set(caFile, error)
      throw error
    }
  }
}
