import type { HttpProbeConfig, ProbeProtocol, ResponseBounds } from '../../model/probe-protocol.ts'
import { PROBE_OPTIONS } from '../schema/probe-keys.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_HTTPCHK, DEFAULT_SMTPCHK } from '../values/default-values.ts'
import { REDIS_PROBE, smtpProbe, stepsOf } from '../values/probe-steps.ts'

type Section = Pick<NonNullable<ConfigInput['defaults']>, 'option' | 'tcp-check'>
type Options = NonNullable<Section['option']>

/**
 * What the checks of a backend's servers say; null where they only connect. A backend that turns
 * on a check of its own does not have that of `defaults`.
 */
export function resolveProbeProtocol(
  backend: Section,
  defaults: Section,
  response: ResponseBounds,
): ProbeProtocol | null {
  const own = backend.option ?? {}
  const isOwn = PROBE_OPTIONS.some((name) => isOn(own[name]))
  const option = isOwn ? own : { ...defaults.option, ...own }
  const name = PROBE_OPTIONS.find((one) => isOn(option[one]))
  if (name === undefined) return null
  if (name === 'httpchk') return resolveHttpProbe(option.httpchk, response)
  return protocolOf(name, option, backend['tcp-check'] ?? defaults['tcp-check'] ?? [])
}

function isOn(option: Options[(typeof PROBE_OPTIONS)[number]]): boolean {
  return option !== undefined && option !== false
}

function protocolOf(
  name: Exclude<(typeof PROBE_OPTIONS)[number], 'httpchk'>,
  option: Options,
  lines: NonNullable<Section['tcp-check']>,
): ProbeProtocol | null {
  switch (name) {
    case 'tcp-check':
      return lines.length === 0 ? null : stepsOf(lines)
    case 'redis-check':
      return REDIS_PROBE
    case 'mysql-check':
      return { kind: 'mysql', user: given(option['mysql-check']).user ?? '' }
    case 'pgsql-check':
      return { kind: 'postgresql', user: given(option['pgsql-check']).user ?? '' }
    case 'grpchk':
      return { kind: 'grpc', service: given(option.grpchk).service ?? '' }
    case 'smtpchk': {
      const { hello, domain } = given(option.smtpchk)
      return smtpProbe(`${hello ?? DEFAULT_SMTPCHK.hello} ${domain ?? DEFAULT_SMTPCHK.domain}`)
    }
  }
}

/** The map of an option; an empty one where it is only turned on. */
function given<Settings extends object>(option: Settings | boolean | undefined): Partial<Settings> {
  return typeof option === 'object' ? option : {}
}

/** `host` makes the request one of HTTP/1.1 unless a version is asked for. */
function resolveHttpProbe(option: Options['httpchk'], response: ResponseBounds): HttpProbeConfig {
  const { method, uri, version, host, headers, body, expect } = given(option)
  return {
    kind: 'http',
    method: method ?? DEFAULT_HTTPCHK.method,
    uri: uri ?? DEFAULT_HTTPCHK.uri,
    version: version ?? (host === undefined ? 'HTTP/1.0' : 'HTTP/1.1'),
    headers: [
      ...(host === undefined ? [] : [['Host', host] as const]),
      ...Object.entries(headers ?? {}),
    ],
    body: body ?? '',
    expect: expect ?? [{ kind: 'status', negated: false, ranges: DEFAULT_HTTPCHK.expectStatus }],
    response,
  }
}
