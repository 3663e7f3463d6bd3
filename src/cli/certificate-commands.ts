import { SluiceError } from '../base/errors.ts'
import type {
  CertificateReload,
  CertificateReloadReport,
  CertificateReport,
  CertificatesReport,
} from '../operations/contract/certificates.ts'
import type { ClusterReport } from '../operations/contract/cluster.ts'
import { type Column, cell, expectAnswer, show, table } from './command-output.ts'
import {
  type AdminRequest,
  askAdmin,
  type CliIo,
  type ConnectionOptions,
} from './daemon-connection.ts'

const COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'NAMES' },
  { title: 'ISSUER' },
  { title: 'DAYS', isNumber: true },
  { title: 'UNTIL' },
  { title: 'FILE' },
  { title: 'USED BY' },
]

/** Names, and places, of one certificate in a line of the table; `cert show` has them all. */
const IN_A_CELL = 3

/** Options of the commands about certificates. */
export interface CertificateOptions extends ConnectionOptions {
  /** `--node`: this node alone. Default: all that the asked one reaches. */
  readonly node?: string | undefined
}

/** A node, and what it has answered or why it has not. */
type Answered<T> = { readonly node: string } & (
  | { readonly answer: T }
  | { readonly failure: SluiceError }
)

/**
 * `sluice cert list`: the certificates of the nodes, as a table or as JSON. A node that does not tell
 * is named on standard error.
 *
 * @throws SluiceError as {@link askAdmin}
 */
export async function certList(options: CertificateOptions, io: CliIo): Promise<void> {
  const { told, untold } = await certificatesOf(options, io)
  const rows = told.flatMap(({ node, certificates }) => certificates.map((one) => row(node, one)))
  show({ nodes: told, untold }, table(COLUMNS, rows), options, io)
  for (const { node, message } of untold) io.warn(`${node}: ${message}\n`)
}

/**
 * `sluice cert show`: all that is known of the certificates that a name, or a file, has.
 *
 * @param wanted a host name, in which case those for it are shown, or the path of a file
 * @throws SluiceError `certificate-unknown`, and as {@link askAdmin}
 */
export async function certShow(
  wanted: string,
  options: CertificateOptions,
  io: CliIo,
): Promise<void> {
  const { told, untold } = await certificatesOf(options, io)
  const nodes = told
    .map(({ node, certificates }) => {
      return { node, certificates: certificates.filter((one) => isFor(one, wanted)) }
    })
    .filter(({ certificates }) => certificates.length > 0)
  for (const { node, message } of untold) io.warn(`${node}: ${message}\n`)
  if (nodes.length === 0) {
    throw new SluiceError('certificate-unknown', `no certificate is for ${wanted}, or of that file`)
  }
  const texts = nodes.flatMap(({ node, certificates }) =>
    certificates.map((one) => description(node, one)),
  )
  show({ nodes, untold }, texts.join('\n'), options, io)
}

/**
 * `sluice cert reload`: has the nodes take up changed files of TLS. All of them look at theirs first:
 * where one cannot use what it finds, none changes anything.
 *
 * @throws SluiceError what a node has found; `peer-unreachable` when those that were reached have
 *   done it, and others were not; as {@link askAdmin}
 */
export async function certReload(options: CertificateOptions, io: CliIo): Promise<void> {
  const { nodes, unreached } = await nodesToAsk(options, io)
  const reload = (body: CertificateReload): Promise<Answered<CertificateReloadReport>[]> =>
    askNodes(
      nodes,
      { method: 'POST', path: '/api/v1/certificates/reload', body },
      isReload,
      options,
      io,
    )
  throwFailure(await reload({ trial: true }), 'nothing was changed')
  const done = await reload({})
  const reports = done.flatMap((one) => ('answer' in one ? [one.answer] : []))
  show({ nodes: reports, unreached }, reports.map(reloadText).join(''), options, io)
  throwFailure(done, 'it keeps the certificates that it has')
  if (unreached.length === 0) return
  const message = `${unreached.join(', ')}: not reached, and reads its files when it is asked to`
  throw new SluiceError('peer-unreachable', message)
}

interface Told {
  readonly told: readonly CertificatesReport[]
  readonly untold: readonly { readonly node: string; readonly message: string }[]
}

async function certificatesOf(options: CertificateOptions, io: CliIo): Promise<Told> {
  const { nodes, unreached } = await nodesToAsk(options, io)
  const asked = { path: '/api/v1/certificates' }
  const answers = await askNodes<CertificatesReport>(nodes, asked, isList, options, io)
  // What one node alone has to say is said as an error.
  if (nodes.length === 1 && unreached.length === 0) throwFailure(answers, '')
  return {
    told: answers.flatMap((one) => ('answer' in one ? [one.answer] : [])),
    untold: [
      ...answers.flatMap((one) =>
        'failure' in one ? [{ node: one.node, message: one.failure.message }] : [],
      ),
      ...unreached.map((node) => ({ node, message: 'not reached' })),
    ],
  }
}

interface NodesToAsk {
  /** Null: the one that is asked anyway. */
  readonly nodes: readonly (string | null)[]
  readonly unreached: readonly string[]
}

async function nodesToAsk(options: CertificateOptions, io: CliIo): Promise<NodesToAsk> {
  if (options.node !== undefined) return { nodes: [options.node], unreached: [] }
  const cluster = await askAdmin<ClusterReport | null>({ path: '/api/v1/cluster' }, options, io)
  expectAnswer(Array.isArray(cluster?.nodes), 'list of nodes')
  const { node: own, nodes = [] } = cluster ?? {}
  const others = nodes.filter(({ name }) => name !== own)
  return {
    nodes: [null, ...others.filter(({ reachable }) => reachable).map(({ name }) => name)],
    unreached: others.filter(({ reachable }) => !reachable).map(({ name }) => name),
  }
}

/** Asks each for the same, by way of the one that can be connected to. */
function askNodes<T extends { readonly node: string }>(
  nodes: readonly (string | null)[],
  asked: AdminRequest,
  isExpected: (answer: unknown) => boolean,
  options: ConnectionOptions,
  io: CliIo,
): Promise<Answered<T>[]> {
  return Promise.all(
    nodes.map(async (node): Promise<Answered<T>> => {
      const at = node === null ? '' : `/api/v1/nodes/${encodeURIComponent(node)}`
      try {
        const answer = await askAdmin<T>({ ...asked, path: at + asked.path }, options, io)
        expectAnswer(isExpected(answer), 'certificates')
        return { node: answer.node, answer }
      } catch (failure) {
        if (!(failure instanceof SluiceError)) throw failure
        return { node: node ?? 'the asked node', failure }
      }
    }),
  )
}

function isList(answer: unknown): boolean {
  return Array.isArray((answer as Partial<CertificatesReport> | null)?.certificates)
}

function isReload(answer: unknown): boolean {
  return Array.isArray((answer as Partial<CertificateReloadReport> | null)?.changed)
}

/** @param left what it leaves behind */
function throwFailure(answers: readonly Answered<unknown>[], left: string): void {
  for (const one of answers) {
    if (!('failure' in one)) continue
    const { code, message } = one.failure
    const about = answers.length === 1 ? message : `${one.node}: ${message}`
    throw new SluiceError(code, left === '' ? about : `${about}\n${left}`, one.failure)
  }
}

/** Whether it is of this file, or for this host name. */
function isFor({ file, names }: CertificateReport, wanted: string): boolean {
  const name = wanted.toLowerCase()
  const wildcard = name.replace(/^[^.]+/, '*')
  return file === wanted || names.includes(name) || names.includes(wildcard)
}

function row(node: string, certificate: CertificateReport): string[] {
  const { names, issuer, daysLeft, notAfter, file, usedBy } = certificate
  return [
    node,
    fewOf(names),
    cell(issuer),
    String(daysLeft),
    notAfter.slice(0, 10),
    cell(file),
    fewOf(usedBy),
  ]
}

function fewOf(texts: readonly string[]): string {
  const more = texts.length > IN_A_CELL ? ` +${texts.length - IN_A_CELL}` : ''
  return cell(`${texts.slice(0, IN_A_CELL).join(', ')}${more}`)
}

function description(node: string, certificate: CertificateReport): string {
  const { daysLeft, notBefore, notAfter } = certificate
  const lines: readonly (readonly [string, string])[] = [
    ['node', node],
    ['file', certificate.file],
    ['names', certificate.names.join(', ')],
    ['subject', certificate.subject],
    ['issuer', certificate.issuer],
    ['chain', certificate.chain.join('; ')],
    ['serial', certificate.serial],
    ['sha256', certificate.sha256],
    ['key', certificate.keyType],
    ['valid', `${notBefore} to ${notAfter}, ${daysLeft} days left`],
    ['used by', certificate.usedBy.join(', ')],
  ]
  return lines.map(([title, text]) => `${title.padEnd(8)} ${cell(text)}\n`).join('')
}

function reloadText({ node, changed }: CertificateReloadReport): string {
  if (changed.length === 0) return `${node}: nothing has changed\n`
  return `${node}: ${changed.map((file) => cell(file)).join(', ')}\n`
}
