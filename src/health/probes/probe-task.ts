import { formatAddress } from '../../base/address.ts'
import type { ProbeConfig } from '../../model/config.ts'
import type { PlannedOutgoingTls } from '../../model/plan.ts'
import type { ConnectStep, ProbeProtocol, ProbeTlsConfig } from '../../model/probe-protocol.ts'
import type { ClientTlsSettings } from '../../net/tls/client-tls.ts'
import type { ProbeConnection, ProbeTask } from '../probe.ts'
import type { BeginConversation } from './conversation.ts'
import type { Expectations } from './expectation-match.ts'
import { GrpcConversation } from './grpc-conversation.ts'
import { createDialogue } from './protocols.ts'

/** What the TLS of HTTP/2 is known by (RFC 9113 section 3.2). */
const HTTP2_ALPN = ['h2']

/**
 * How long a check may take to connect, in milliseconds: the smaller of `timeout connect` and
 * `inter` (HAProxy configuration manual, `timeout check`).
 */
export function connectLimitMs(
  { interMs }: Pick<ProbeConfig, 'interMs'>,
  connectTimeoutMs: number,
): number {
  return Math.min(connectTimeoutMs, interMs)
}

/** How the checks of a server speak TLS, whichever name they ask for. */
export type ProbeTls = Pick<ClientTlsSettings, 'context' | 'verify'> &
  Pick<PlannedOutgoingTls, 'verifyHost'>

/**
 * What the next check of a server does. For the conversation it has `timeout check`.
 *
 * @param connectTimeoutMs the backend's `timeout connect`
 * @param secure null where no connection is made over TLS
 */
export function probeTask(
  check: ProbeConfig,
  connectTimeoutMs: number,
  expectations: Expectations,
  secure: ProbeTls | null = null,
): ProbeTask {
  const { address, timeoutMs, protocol } = check
  const first = protocol?.kind === 'steps' ? protocol.steps[0] : undefined
  return {
    address,
    first: connectionOf(check, secure, first?.kind === 'connect' ? first : null),
    next: (step) => connectionOf(check, secure, step),
    connectTimeoutMs: connectLimitMs(check, connectTimeoutMs),
    timeoutMs,
    dialogue:
      protocol === null || protocol.kind === 'grpc' ? null : createDialogue(protocol, expectations),
    conversation: protocol?.kind === 'grpc' ? grpcOf(check, protocol.service) : null,
  }
}

/** Whether a connection that opens is all of a check: no header, no TLS, nothing is said. */
export function isConnectAlone({ protocol, sendProxy, tls }: ProbeConfig): boolean {
  return protocol === null && sendProxy === null && tls === null
}

/** @param step the line of `tcp-check` that opens the connection; null: the check itself does */
function connectionOf(
  { sendProxy, tls, protocol }: ProbeConfig,
  secure: ProbeTls | null,
  step: ConnectStep | null,
): ProbeConnection {
  const isDefault = step === null || step.isDefault
  const isSecure = tls !== null && ((isDefault && tls.isDefault) || (step?.tls ?? null) !== null)
  return {
    port: step?.port ?? null,
    sendProxy: step?.sendProxy === true ? (sendProxy ?? 1) : isDefault ? sendProxy : null,
    tls: isSecure && secure !== null ? tlsOf(tls, secure, protocol, step) : null,
  }
}

function tlsOf(
  tls: ProbeTlsConfig,
  { context, verify, verifyHost }: ProbeTls,
  protocol: ProbeProtocol | null,
  step: ConnectStep | null,
): ClientTlsSettings {
  const own = step?.tls ?? null
  const offered = own === null || own.alpn.length === 0 ? tls.alpn : own.alpn
  const serverName = own?.serverName ?? tls.serverName
  return {
    context,
    verify,
    serverName,
    certificateName: verifyHost ?? serverName,
    alpn: protocol?.kind === 'grpc' ? HTTP2_ALPN : offered,
    // A check is to find a certificate that has expired: each is shown anew.
    sessions: null,
  }
}

function grpcOf({ address, tls, timeoutMs }: ProbeConfig, service: string): BeginConversation {
  // A zone means nothing to another host.
  const place =
    address.kind === 'inet' ? formatAddress(address).replace(/%[^\]]*/, '') : 'localhost'
  const authority = tls?.serverName ?? place
  return (conn, onFinding) =>
    new GrpcConversation(conn, { service, authority, timeoutMs }, onFinding)
}
