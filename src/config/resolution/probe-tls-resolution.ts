import {
  type ProbeProtocol,
  type ProbeTlsConfig,
  SYSTEM_AUTHORITIES,
} from '../../model/probe-protocol.ts'
import { DEFAULT_SERVER } from '../values/default-values.ts'

/** What of a server is about the TLS of its checks. */
interface TlsSettings {
  readonly 'check-ssl'?: boolean | undefined
  readonly 'check-sni'?: string | undefined
  readonly 'check-alpn'?: readonly string[] | undefined
  readonly verify?: 'none' | 'required' | undefined
  readonly 'ca-file'?: string | undefined
}

/**
 * How the checks of a server use TLS; null where neither the server nor a step of the check asks
 * for it.
 */
export function resolveProbeTls(
  settings: TlsSettings,
  protocol: ProbeProtocol | null,
): ProbeTlsConfig | null {
  const isDefault = settings['check-ssl'] === true
  const steps = protocol?.kind === 'steps' ? protocol.steps : []
  if (!isDefault && !steps.some((step) => step.kind === 'connect' && step.tls !== null)) return null
  return {
    isDefault,
    serverName: settings['check-sni'] ?? null,
    alpn: settings['check-alpn'] ?? [],
    verify: (settings.verify ?? DEFAULT_SERVER.verify) === 'required',
    caFile: settings['ca-file'] ?? SYSTEM_AUTHORITIES,
  }
}
